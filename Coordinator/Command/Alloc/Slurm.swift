import Foundation
import Glibc
import Messages

/// Slurm through its own commands, as anybody may use them: no rights of an administrator, no shared folder.
struct Slurm {
    /// Allocations of one `apex alloc` are known by it, also after that was started anew.
    let jobName: String
    /// `sbatch`, `squeue` and `scancel` are looked for in PATH.
    private static let patienceSeconds = 30

    /// `apex-` and a hash of where the coordinator is: two clusters do not take each other's allocations for theirs.
    init(coordinator: String) {
        let hash = coordinator.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        jobName = "apex-\(String(hash, radix: 16))"
    }

    /// The shell script that is an allocation. It becomes the worker, so that signals for it reach the worker.
    func script(worker: [String], warningSeconds: Int, output: String) -> String {
        let words = worker.map { $0.contains("$") ? "\"\($0)\"" : Self.quoted($0) }.joined(separator: " ")
        return """
            #!/bin/sh
            #SBATCH --job-name=\(jobName)
            #SBATCH --output=\(output)/%j.log
            #SBATCH --signal=B:USR1@\(warningSeconds)
            #SBATCH --no-requeue
            exec \(words)

            """
    }
    static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (97...122).contains(byte | 32) || "/._-:=,@+%".utf8.contains(byte)
            }
        return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }

    /// - Returns: the new allocation's number.
    func submit(_ script: String, _ options: [String]) throws(JobError) -> String {
        let outcome = try Self.run(["sbatch", "--parsable"] + options, input: script)
        // `12` or `12;cluster`.
        let id = outcome.prefix { $0.isASCII && $0.isNumber }
        guard !id.isEmpty else {
            throw JobError("sbatch answered \(outcome.debugDescription), which is no job number.")
        }
        return String(id)
    }
    /// What Slurm would do with it, in its own words.
    func test(_ script: String, _ options: [String]) throws(JobError) -> String {
        try Self.run(["sbatch", "--test-only"] + options, input: script, takesErrors: true)
    }

    struct Listed: Equatable {
        var id: String
        var isRunning: Bool
    }
    /// Allocations that wait or run, in order of submission.
    /// - Throws: when Slurm does not answer: then nothing is known, and nothing is to be done.
    func list() throws(JobError) -> [Listed] {
        let text = try Self.run(["squeue", "--noheader", "--me", "--name=\(jobName)", "--sort=i", "--format=%i %T"])
        return try Self.parse(text)
    }
    static func parse(_ text: String) throws(JobError) -> [Listed] {
        var listed: [Listed] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2 else { throw JobError("squeue answered \(String(line).debugDescription).") }
            switch words[1] {
            case "PENDING", "CONFIGURING", "REQUEUED", "RESIZING", "SUSPENDED", "REQUEUE_HOLD", "SPECIAL_EXIT":
                listed.append(Listed(id: String(words[0]), isRunning: false))
            case "RUNNING", "SIGNALING", "STAGE_OUT", "STOPPED":
                listed.append(Listed(id: String(words[0]), isRunning: true))
            // It is over: COMPLETING, COMPLETED, FAILED, TIMEOUT, CANCELLED, NODE_FAIL and their like.
            default: continue
            }
        }
        return listed
    }

    func cancel(_ id: String) throws(JobError) { _ = try Self.run(["scancel", id]) }
    /// SIGTERM to the script, which is the worker: it drains.
    func retire(_ id: String) throws(JobError) { _ = try Self.run(["scancel", "--batch", "--signal=TERM", id]) }

    /// Runs one of Slurm's commands.
    /// - Returns: what it printed.
    private static func run(_ words: [String], input: String = "", takesErrors: Bool = false) throws(JobError) -> String
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "\(patienceSeconds)"] + words
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = takesErrors ? stdout : stderr
        do { try process.run() } catch { throw JobError("\(words[0]) cannot be run: \(error.localizedDescription).") }
        try? stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try? stdin.fileHandleForWriting.close()
        // Slurm's commands print a line or a few: neither pipe fills while the other is read.
        let output = String(decoding: stdout.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errors =
            takesErrors ? "" : String(decoding: stderr.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let words0 = words[0]
        switch process.terminationStatus {
        case 0: return output
        case 124: throw JobError("\(words0) has not answered for \(patienceSeconds) s; is Slurm's controller up?")
        case 127: throw JobError("\(words0) is not here; run this where Slurm's commands are (Debian: slurm-client).")
        default:
            let said = (errors.isEmpty ? output : errors).split(separator: "\n").last.map(String.init) ?? "nothing"
            throw JobError("\(words0) failed (\(process.terminationStatus)): \(said)")
        }
    }
}
