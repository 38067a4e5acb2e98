import Foundation
import Glibc
import Jobs
import Messages
import Testing

@testable import Runners

private struct NoBlobs: BlobSource {
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
}

/// Trials of real programs in a folder of their own, with a planner of a few lines.
final class Trials {
    let folder = NSTemporaryDirectory() + "apex-trials-" + UUID().uuidString
    let context: RunContext
    var parameters: [StudyParameter] = [StudyParameter("x", .float(low: 0, high: 1, step: nil, log: false))]
    var values: [Double?] = [0.25]
    var objectives: UInt32 = 1
    var study = "s"
    /// Which of the studies of that name.
    var made: UInt64 = 1
    var attempt: UInt32 = 0
    var timeout: UInt64 = 0
    var grace: UInt64 = 300
    var pattern = ""
    var bounds = Study.Program.Bounds()
    /// What the planner answers to a report; nil: the answer got lost.
    var decide: (Study.Report) -> Bool? = { _ in false }
    var heard: [Study.Report] = []
    private var waiting: [[UInt8]] = []

    init(isCancelled: @escaping () -> Bool = { false }) {
        context = RunContext(blobs: NoBlobs(), isCancelled: isCancelled)
        context.folder = folder
        context.workerName = "tested"
        context.report = { [unowned self] bytes in
            let report = try! Study.Report(wireBytes: bytes)
            heard.append(report)
            guard let isPruned = decide(report) else { return }
            waiting.append(
                Study.Trial.Decision(step: report.step, isPruned: isPruned, reason: "so", order: 0).wireBytes)
        }
        context.answers = { [unowned self] in
            defer { waiting = [] }
            return waiting
        }
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ trial: Int = 0) -> String { folder + "/trials/\(study)/\(trial)" }
    func file(_ name: String, trial: Int = 0) -> String? {
        (try? Data(contentsOf: URL(fileURLWithPath: path(trial) + "/" + name))).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    func run(_ words: [String], trial: UInt32 = 0, folder: String = "") throws -> Study.Result {
        var program = Study.Program(
            words: words, timeoutMilliseconds: timeout, graceMilliseconds: grace, folder: folder, pattern: pattern)
        program.bounds = bounds
        return try StudyRunner.run(
            Study.Task(
                study: study, made: made, trial: trial, attempt: attempt, parameters: parameters, values: values,
                objective: .command(program), objectives: objectives, seed: 77, draws: []),
            index: 0, context: context)
    }
    func sh(_ script: String, trial: UInt32 = 0) throws -> Study.Result { try run(["sh", "-c", script], trial: trial) }
}

extension Study.Result {
    var values: [Double]? { if case .complete(let values) = end { values } else { nil } }
    var reason: String? { if case .failed(let reason, _) = end { reason } else { nil } }
    var mayRetry: Bool? { if case .failed(_, let mayRetry) = end { mayRetry } else { nil } }
}

/// Whether a process has ended: gone, or a zombie that nobody has reaped yet. Waited for a while.
func ends(_ process: Int32, seconds: Double = 5) -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        let state = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? "gone Z"
        if state.contains(") Z") || state == "gone Z" { return true }
        usleep(2000)
    }
    return false
}
