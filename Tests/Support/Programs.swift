import Foundation

/// The programs under test, as built beside the tests.
package enum Programs {
    /// The folder that holds `apex` and `apex-worker`.
    package static var folder: String {
        // The test bundle or its runner lies in the build's folder; go up until the programs are there.
        for start in [CommandLine.arguments[0], Bundle.main.bundlePath, Bundle.allBundles.last?.bundlePath ?? ""] {
            var folder = URL(fileURLWithPath: start)
            for _ in 0..<4 {
                if FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent("apex").path) {
                    return folder.path
                }
                folder.deleteLastPathComponent()
            }
        }
        return FileManager.default.currentDirectoryPath + "/.build/debug"
    }

    package struct Outcome: Sendable {
        package var code: Int32
        package var output: String
        package var errors: String
        /// The one JSON object that `--json` prints.
        package var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) ?? [:]
        }
    }

    /// Makes a coordinator's keys, and a folder with a worker's and a client's that it lets in.
    /// - Returns: the folder, for `--keys`.
    package static func makeKeys(state: String) throws -> String {
        let folder = state + "-join"
        for words in [["init"], ["add-worker", "join", "--out", folder], ["add-client", "join", "--out", folder]] {
            let outcome = try run("apex", ["keys"] + words + ["--state", state])
            guard outcome.code == 0 else { throw Failure(description: "apex keys \(words): \(outcome.errors)") }
        }
        return folder
    }
    package struct Failure: Error, CustomStringConvertible { package var description: String }

    /// Runs a program to its end.
    package static func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws
        -> Outcome
    {
        let running = try Running(program, arguments, environment: environment)
        return running.wait()
    }

    /// A program that runs beside the test. Ended with it, whatever happens.
    package final class Running {
        package let process = Process()
        private let files: (output: String, errors: String)

        package init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
            let name = NSTemporaryDirectory() + "apex-test-\(UUID().uuidString)"
            files = (name + ".out", name + ".err")
            for file in [files.output, files.errors] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
            process.executableURL = URL(
                fileURLWithPath: program.hasPrefix("/") ? program : Programs.folder + "/" + program)
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle(forWritingAtPath: files.output)
            process.standardError = FileHandle(forWritingAtPath: files.errors)
            try process.run()
        }
        deinit {
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            for file in [files.output, files.errors] { try? FileManager.default.removeItem(atPath: file) }
        }
        package var output: String { (try? String(contentsOfFile: files.output, encoding: .utf8)) ?? "" }
        package var errors: String { (try? String(contentsOfFile: files.errors, encoding: .utf8)) ?? "" }

        package func wait() -> Outcome {
            process.waitUntilExit()
            return Outcome(code: process.terminationStatus, output: output, errors: errors)
        }
        package func send(_ signal: Int32) { kill(process.processIdentifier, signal) }
        /// Kills the command, and then the coordinator and the workers that it started on `state`: in this order, so
        /// that nobody starts them again.
        /// - Returns: whether all of them are gone.
        package func killCluster(on state: String) -> Bool {
            send(SIGKILL)
            for victim in ["apex coordinator", "apex-worker"] {
                for process in Programs.processes(with: [victim, state]) { kill(process, SIGKILL) }
            }
            return Programs.eventually { Programs.processes(with: ["apex", state]).isEmpty }
        }
    }

    /// Process ids whose command line holds all of `words`, read from /proc.
    package static func processes(with words: [String]) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.filter { process in
            guard let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
            let line = String(decoding: data.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
            return words.allSatisfy { line.contains($0) }
        }.sorted()
    }

    /// Waits until `condition` holds, looking often; false after `seconds`.
    package static func eventually(within seconds: Double = 30, _ condition: () -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
        while ContinuousClock.now < deadline {
            if condition() { return true }
            usleep(10_000)
        }
        return condition()
    }
}

/// A folder of its own for one test, removed with it.
package final class TemporaryFolder {
    package let path: String
    package init(_ name: String = "apex") {
        path = NSTemporaryDirectory() + "\(name)-\(UUID().uuidString.prefix(8))"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}
