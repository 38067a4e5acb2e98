import CoordinatorCore
import Messages
import TestSupport
import Testing

/// Workers that run what they are handed in order, each at its own speed, and jobs of tasks that are alike: time is
/// counted in milliseconds, and nothing fails.
private struct TwoSpeeds {
    var core = Core()
    var now: Milliseconds = 1
    /// Milliseconds that one task takes, by worker.
    private let taskMilliseconds: [Milliseconds]
    private var queues: [[ClaimRun]]
    private var ends: [Milliseconds?]
    private var numbers: [UInt64]
    private var seen: [UInt64]
    /// Tasks done, by worker and by job.
    var (byWorker, byJob): ([Int], [JobID: Int])

    init(taskMilliseconds: [Milliseconds]) {
        self.taskMilliseconds = taskMilliseconds
        queues = taskMilliseconds.map { _ in [] }
        ends = taskMilliseconds.map { _ in nil }
        numbers = taskMilliseconds.map { _ in 0 }
        seen = numbers
        (byWorker, byJob) = (taskMilliseconds.map { _ in 0 }, [:])
        for w in taskMilliseconds.indices {
            handle([
                .hello(
                    Inbound.Hello(
                        worker: WorkerID(UInt64(w) + 1), name: "w\(w)", codeVersion: "", slots: 1,
                        hardware: HardwareReport(), seen: 0, held: []))
            ])
        }
    }

    mutating func submit(_ token: UInt64, tasks: UInt32, priority: Int32 = 0) -> JobID {
        handle([
            .submitted(
                Submission(token: token, kind: "k", spec: [], priority: priority),
                by: ClientRef(connection: 1, number: token))
        ])
        let job = JobID(UInt32(token))
        var plan = Plan()
        plan.array = ([1], tasks)
        handle([.planned(job, plan)])
        return job
    }

    /// One millisecond: what ended is answered, task by task.
    mutating func step() {
        now += 1
        var batch: [Event] = []
        for w in queues.indices {
            if now % 1000 == 0 { batch.append(.heartbeat(WorkerID(UInt64(w) + 1), seen: seen[w], held: queues[w])) }
            guard let end = ends[w], end <= now else { continue }
            var run = queues[w][0]
            let one = ClaimRun(job: run.job, first: run.first, count: 1, epoch: run.epoch)
            run.first += 1
            run.count -= 1
            if run.count == 0 { queues[w].removeFirst() } else { queues[w][0] = run }
            numbers[w] += 1
            byWorker[w] += 1
            byJob[run.job, default: 0] += 1
            batch.append(
                .outcomes(
                    WorkerID(UInt64(w) + 1), number: numbers[w],
                    [TaskOutcome(run: one, end: .done([]), busyMicroseconds: taskMilliseconds[w] * 1000)]))
            ends[w] = queues[w].isEmpty ? nil : now + taskMilliseconds[w]
        }
        handle(batch)
    }

    private mutating func handle(_ batch: [Event]) {
        var effects = batch.flatMap { core.handle($0, at: now) }
        effects += core.handle(.ticked(wall: now), at: now)
        #expect(now % 64 != 0 || core.brokenInvariant() == nil)
        for case .send(.assign(let number, let assignments), let id) in effects {
            let w = Int(id.incarnation) - 1
            seen[w] = number
            queues[w] += assignments.map(\.run)
            if ends[w] == nil { ends[w] = now + taskMilliseconds[w] }
        }
    }
}

@Test(arguments: [1, 10, 100] as [Milliseconds])
func `a worker of half the speed gets half the work, and the last task ends when it should`(milliseconds: Milliseconds)
{
    var cluster = TwoSpeeds(taskMilliseconds: [milliseconds, 2 * milliseconds])
    let tasks = UInt32(9_000 / milliseconds)
    let job = cluster.submit(1, tasks: tasks)
    while cluster.core.status(of: job, at: cluster.now)?.state.isOver == false, cluster.now < 20_000 { cluster.step() }
    let ideal = Double(tasks) * Double(milliseconds) * 2 / 3
    #expect(ideal / Double(cluster.now) >= 0.95, "\(cluster.now) ms, ideally \(ideal)")
    #expect(abs(Double(cluster.byWorker[0]) / Double(cluster.byWorker[1]) - 2) < 0.15, "\(cluster.byWorker)")
}

@Test func `two equal jobs share the cluster equally from the moment the second comes`() {
    var cluster = TwoSpeeds(taskMilliseconds: [10, 10, 10, 10])
    let first = cluster.submit(1, tasks: 100_000)
    for _ in 0..<1_000 { cluster.step() }
    let second = cluster.submit(2, tasks: 100_000)
    let before = cluster.byJob[first, default: 0]
    for _ in 0..<5_000 { cluster.step() }
    let shares = [cluster.byJob[first, default: 0] - before, cluster.byJob[second, default: 0]]
    #expect(shares.reduce(0, +) > 1_900, "all four were busy: \(shares)")
    #expect(Double(shares.min()!) / Double(shares.max()!) > 0.93, "\(shares)")
}

@Test func `a higher priority goes first, and the one that waits behind it says so`() {
    var cluster = TwoSpeeds(taskMilliseconds: [10, 10])
    let low = cluster.submit(1, tasks: 100_000)
    for _ in 0..<500 { cluster.step() }
    let high = cluster.submit(2, tasks: 100_000, priority: 1)
    for _ in 0..<300 { cluster.step() }
    let before = cluster.byJob[low, default: 0]
    for _ in 0..<1_000 { cluster.step() }
    #expect(cluster.byJob[low, default: 0] == before)
    #expect(
        cluster.core.why("\(low).99999", at: cluster.now).contains("job \(high), which has a higher priority"))
}

@Test func `a million waiting tasks make no question slow`() {
    var cluster = TwoSpeeds(taskMilliseconds: [10])
    let job = cluster.submit(1, tasks: 1_000_000)
    for _ in 0..<100 { cluster.step() }
    let begin = ContinuousClock.now
    let words = cluster.core.why("\(job).999999", at: cluster.now)
    #expect(ContinuousClock.now - begin < .milliseconds(50))
    #expect(words.contains("waits for a free slot"))
}
