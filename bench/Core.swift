import CoordinatorCore
import Foundation
import Messages

/// The cluster core alone, without a socket or a disk: what a decision costs, and how that and memory grow with workers.
///
/// `bench core [--workers 10,10000] [--tasks N]`. Workers of one slot run an array's tasks of 3 simulated seconds, one
/// claim and one result a task, and say every second what they hold; only the processor's time inside the core is counted. A
/// transition is one claim or one result. Each table changes one thing.
package enum CoreBench {
    package static func run(arguments: [String]) {
        var (counts, tasks): ([Int], UInt32) = ([10, 100, 1_000, 10_000], 10_000_000)
        for (option, value) in zip(arguments, arguments.dropFirst()) {
            if option == "--workers" { counts = value.split(separator: ",").compactMap { Int($0) } }
            if option == "--tasks", let number = UInt32(value) { tasks = number }
        }
        if arguments.contains("--quick") { (counts, tasks) = ([10, 1_000], 100_000) }
        print("\(tasks) tasks, claimed and answered one by one")
        print(
            "workers  transitions  core s  M transitions/s  M events/s  resident MB, B a task  longest batch ms, at  why ms"
                + "  decisions")
        for count in counts { measure(workers: count, tasks: tasks, milliseconds: 3_000) }
        print("the same in runs: tasks of 10 ms, queued ahead")
        for count in counts { measure(workers: count, tasks: tasks, milliseconds: 10) }
    }

    private static func measure(workers count: Int, tasks: UInt32, milliseconds: UInt64) {
        let before = resident()
        var cluster = FakeCluster(workers: count, taskMilliseconds: milliseconds)
        cluster.start(tasks: tasks)
        let queued = resident() - min(before, resident())
        // Few workers would take days of simulated time for all: they run an hour, or until the core worked a while.
        while cluster.done < tasks, cluster.now < 3_600_000, cluster.seconds < 120 { cluster.step() }
        let begin = ContinuousClock.now
        let words = cluster.core.why("1.\(tasks - 1)", at: cluster.now)
        let why = (ContinuousClock.now - begin) / .milliseconds(1)
        precondition(!words.isEmpty, "why says something")
        precondition(cluster.core.brokenInvariant() == nil, "the books are right")
        let format = "%7d %12d %7.2f %16.2f %11.2f %12.0f %9.1f %10.2f %8d %7.2f"
        print(
            String(
                format: format, count, cluster.transitions, cluster.seconds,
                Double(cluster.transitions) / cluster.seconds / 1e6, Double(cluster.events) / cluster.seconds / 1e6,
                Double(resident()) / 1e6, Double(queued) / Double(tasks), 1000 * cluster.slowest.seconds,
                Int(cluster.slowest.at), why) + "  " + String(cluster.decisions.value, radix: 16))
    }

    private static func resident() -> UInt64 {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0)
            * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// Workers of one slot that never fail, and a clock that jumps from one moment with events to the next.
private struct FakeCluster {
    var core = {
        var limits = Core.Limits()
        limits.speculated = ["noop"]
        return Core(limits: limits)
    }()
    var now: Milliseconds = 1
    var (transitions, events, done) = (0, 0, 0)
    /// Inside the core.
    var seconds = 0.0
    /// The batch that took longest, and when it came.
    var slowest: (seconds: Double, at: Milliseconds) = (0, 0)
    var decisions = Fingerprint()
    private let taskMilliseconds: UInt64
    private var queues: [[ClaimRun]]
    private var isBusy: [Bool]
    private var seen: [UInt64]
    private var numbers: [UInt64]
    /// Which workers end what they run at each moment, around a ring longer than a task.
    private var calendar: [[Int]]
    private var draw: UInt64 = 1
    private var effects: [Effect] = []

    /// What two looks at the clock cost by themselves: as much as several decisions, and none of them.
    private static let clockSeconds: Double = {
        let took = (0..<20_000).map { _ in
            let begin = threadSeconds()
            return threadSeconds() - begin
        }
        return took.sorted()[took.count / 2]
    }()

    init(workers count: Int, taskMilliseconds: UInt64) {
        self.taskMilliseconds = taskMilliseconds
        queues = Array(repeating: [], count: count)
        isBusy = Array(repeating: false, count: count)
        seen = Array(repeating: 0, count: count)
        numbers = seen
        calendar = Array(repeating: [], count: Int(2 * taskMilliseconds) * 64 + 2)
        // In batches as large as the coordinator's.
        for first in stride(from: 0, to: count, by: 1000) {
            handle(
                (first..<min(first + 1000, count)).map { w in
                    .hello(
                        Inbound.Hello(
                            worker: WorkerID(UInt64(w) + 1), name: "worker\(w)", codeVersion: "", slots: 1,
                            hardware: HardwareReport(), seen: 0, held: []))
                })
        }
    }

    mutating func start(tasks: UInt32) {
        handle([.submitted(Submission(token: 1, kind: "noop", spec: []), by: ClientRef(connection: 1, number: 1))])
        var plan = Plan()
        plan.array = ([1, 2, 3, 4], tasks)
        handle([.planned(JobID(1), plan)])
    }

    mutating func step() {
        now += 1
        var batch: [Event] = []
        let at = Int(now) % calendar.count
        for w in calendar[at] {
            let run = queues[w].removeFirst()
            isBusy[w] = false
            numbers[w] += 1
            done += Int(run.count)
            transitions += 1
            let busy = UInt64(run.count) * taskMilliseconds * 1000
            batch.append(
                .outcomes(
                    WorkerID(UInt64(w) + 1), number: numbers[w],
                    [TaskOutcome(run: run, end: .done([]), busyMicroseconds: busy)]))
            begin(w)
        }
        calendar[at] = []
        for w in stride(from: Int(now % 1000), to: queues.count, by: 1000) {
            batch.append(.heartbeat(WorkerID(UInt64(w) + 1), seen: seen[w], held: queues[w]))
        }
        if !batch.isEmpty || now % 100 == 0 { handle(batch) }
    }

    private mutating func handle(_ batch: [Event]) {
        effects.removeAll(keepingCapacity: true)
        events += batch.count + 1
        let begin = threadSeconds()
        for at in batch.indices { core.handle(batch[at], at: now, into: &effects) }
        core.handle(.ticked(wall: now), at: now, into: &effects)
        let took = max(0, threadSeconds() - begin - Self.clockSeconds)
        seconds += took
        if took > slowest.seconds { slowest = (took, now) }
        for effect in effects { decisions.mix(effect) }
        for case .send(.assign(let number, let assignments), let id) in effects {
            let w = Int(id.incarnation) - 1
            seen[w] = number
            transitions += assignments.count
            queues[w] += assignments.map(\.run)
            self.begin(w)
        }
    }

    private mutating func begin(_ w: Int) {
        guard !isBusy[w], let run = queues[w].first else { return }
        isBusy[w] = true
        draw = draw &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        // Three quarters to five quarters of the usual time, so that workers do not march in step.
        let usual = taskMilliseconds * UInt64(run.count)
        let length = max(1, min(usual * 3 / 4 + (draw >> 33) % (usual / 2 + 1), UInt64(calendar.count) - 2))
        calendar[Int(now + length) % calendar.count].append(w)
    }
}

/// Of this thread alone.
private func threadSeconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
