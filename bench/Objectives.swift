import Foundation
import Glibc
import Jobs
import Messages
import Runners

/// What a trial costs a worker beyond the life of its program: the trial's folder, its logs, reading and judging.
///
/// `bench objectives [TRIALS]`. Trials of a program of 10 ms through the study's runner, beside the same program
/// started and waited for with nothing around it, in alternating rounds on two threads.
package enum ObjectivesBench {
    private struct NoBlobs: BlobSource {
        func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there are no blobs here") }
    }
    private static let threads = 2

    package static func run(arguments: [String]) {
        let trials = arguments.first.flatMap { Int($0) } ?? 500
        let folder = NSTemporaryDirectory() + "apex-bench-objectives-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (what, script) in [
            ("a shell that sleeps 10 ms and prints", ["sh", "-c", "sleep 0.01; echo 0.5"]),
            ("echo, which does nothing else", ["/bin/echo", "0.5"]),
        ] {
            var ratios: [Double] = []
            var costs: [Double] = []
            var work: [Double] = []
            for round in 0..<7 {
                let before = processorSeconds()
                let bare = seconds(trials) { _ in BareProgram.run(script) }
                let between = processorSeconds()
                let ours = seconds(trials) {
                    evaluate(script, trial: UInt32(round * trials + $0), folder + "/" + script[0])
                }
                work.append((processorSeconds() - 2 * between + before) / Double(trials) * 1e6)
                ratios.append((ours - bare) / ours)
                costs.append((ours - bare) / Double(trials) * Double(threads) * 1e6)
            }
            print(
                "\(what): \(Int(median(costs))) µs a trial beyond the program's own life, "
                    + "\(rounded(100 * median(ratios))) % of a worker's time; \(Int(median(work))) µs of them computing"
            )
        }
    }

    /// Of this process alone, its programs not counted.
    private static func processorSeconds() -> Double {
        var used = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        return Double(used.tv_sec) + Double(used.tv_nsec) / 1e9
    }

    /// Wall time of so many calls shared by the threads.
    private static func seconds(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Double {
        let started = ContinuousClock.now
        let group = DispatchGroup()
        for thread in 0..<threads {
            DispatchQueue.global().async(group: group) {
                for trial in stride(from: thread, to: count, by: threads) { body(trial) }
            }
        }
        group.wait()
        return (ContinuousClock.now - started) / .seconds(1)
    }

    private static func evaluate(_ words: [String], trial: UInt32, _ folder: String) {
        let context = RunContext(blobs: NoBlobs())
        context.folder = folder
        let task = Study.Task(
            study: "bench", trial: trial, attempt: 0,
            parameters: ["lr", "layers", "batch", "opt", "momentum", "seed"].map {
                StudyParameter($0, .float(low: 0, high: 1, step: nil, log: false))
            }, values: [0.1, 0.2, 0.3, 0.4, 0.5, nil], objective: .command(Study.Program(words: words)), objectives: 1,
            seed: 1, draws: [])
        do throws(JobError) {
            let result = try StudyRunner.run(task, index: trial, context: context)
            precondition(result.end == .complete([0.5]), "the program prints 0.5, not \(result.end)")
        } catch { preconditionFailure(error.description) }
    }

    private static func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
    private static func rounded(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }
}
