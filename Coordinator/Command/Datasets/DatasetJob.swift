import CoordinatorShell
import Foundation
import JSON
import Jobs
import Messages

/// What the jobs that make files out of files have in common on the command line.
struct DatasetJob {
    let place: Place
    let folder: String
    let priority: Int32
    private(set) var after: [JobID] = []
    let name: String
    let wait: Bool, json: Bool

    /// Takes its options.
    init(_ arguments: inout Arguments) throws {
        json = arguments.flag("--json")
        wait = arguments.flag("--wait")
        guard let out = try arguments.value("--out"), !out.isEmpty else {
            throw UsageError("--out is missing; name the folder for the shards, as --out labels.")
        }
        folder = absolute(out)
        priority = try arguments.integer("--priority", Int32.min...Int32.max) ?? 0
        name = try arguments.value("--name") ?? ""
        while let job = try arguments.firstValue("--after") { after.append(try JobID(argument: job)) }
        place = try Place.from(&arguments)
    }

    static let help = """
          --out DIR           where they go, a folder that every worker sees under the same name
          --priority P, --after JOB, --name NAME, --wait, --json   as with apex submit
        """

    /// How a job that was waited for ended.
    enum Ending {
        /// Not waited for, or no longer: the exit code says which.
        case left(ExitCode)
        case done(JobStatus, manifest: JSONValue)
    }

    private func submission(_ kind: String, _ spec: [UInt8]) -> Submission {
        Submission(
            token: UInt64.random(in: 1...UInt64.max), kind: kind, spec: spec, name: name, priority: priority,
            after: after)
    }
    /// - Parameter prepare: as of `run`, and reads the files first.
    func request(_ kind: String, _ prepare: @escaping (Client) throws -> [UInt8]) -> JobRequest {
        JobRequest(isFollowed: wait || json) { submission(kind, try prepare($0)) }
    }

    /// Submits, and follows to the end where that was asked for.
    /// - Parameter prepare: brings the blobs to the coordinator and makes the spec.
    func run(_ kind: String, _ prepare: (Client) throws -> [UInt8]) throws -> Ending {
        // Before any other thread: they must inherit that signals are blocked.
        let stop = wait ? try StopSignal() : nil
        let client = try Client(place)
        let job = try client.submit(submission(kind, prepare(client)))
        guard let stop else {
            if json { printJSON(["job": JSONValue(job.number)]) } else { print("job \(job)") }
            return .left(.done)
        }
        guard let status = try JobFollower(client, stop).follow(job) else { return .left(.resumable) }
        for (index, words) in status.failed > 0 ? try client.failures(of: job, limit: 5) : [] {
            complain("task \(job).\(index) failed: \(words)")
        }
        guard status.state == .done, status.failed == 0, let answer = status.answer else {
            if !status.reason.isEmpty { complain("apex submit \(kind): job \(job): \(status.reason)") }
            return .left(.failed)
        }
        guard let manifest = JSONValue(String(decoding: try client.blob(answer), as: UTF8.self)) else {
            throw JobError("the job's answer is no manifest; is the coordinator another version?")
        }
        return .done(status, manifest: manifest)
    }
}
