import Foundation
import Jobs
import Messages

/// An honest client and an honest worker in one process, so that one clock tells: how long from a submit to the worker's
/// receipt of the task, with both commits in between, and how long a question takes that stores nothing.
struct Honest {
    private let client: Asker
    private let worker: Asker
    private let id = WorkerID(UInt64.random(in: 1...UInt64.max))
    private var outcomes: UInt64 = 0
    /// The newest message of the coordinator's. No heartbeat says more: it may overtake a submit, whose claim would be taken
    /// back as lost.
    private var seen: UInt64 = 0
    private var lastHeartbeat = ContinuousClock.now
    /// What its tasks need, and no attacker's worker claims to have, unless it lies.
    static let memoryBytes: UInt64 = 1 << 39

    /// Milliseconds.
    struct Samples {
        var submits: [Double] = []
        var questions: [Double] = []
        mutating func add(_ more: Samples) {
            submits += more.submits
            questions += more.questions
        }
    }

    init(_ cluster: LocalCluster) throws {
        client = try cluster.connect()
        worker = try cluster.connect(as: "worker")
        var hardware = HardwareReport()
        hardware.availableMemoryBytes = Self.memoryBytes * 4
        try worker.send(
            .hello(
                Inbound.Hello(
                    worker: id, name: "honest", codeVersion: codeVersion, slots: 2, hardware: hardware, seen: 0,
                    held: [])))
        while let message = try worker.next() { if case .welcome = message { return } }
        throw BenchFailure("the coordinator does not welcome an honest worker")
    }

    mutating func measure(_ count: Int) throws -> Samples {
        var samples = Samples()
        while samples.submits.count < count {
            pause()
            try heartbeat()
            let began = ContinuousClock.now
            let job = try submit()
            let task = try receive(job)
            samples.submits.append((ContinuousClock.now - began) / .milliseconds(1))
            try finish(task)
            repeat { pause() } while try !client.job(job).state.isOver
            pause()
            let asked = ContinuousClock.now
            _ = try client.job(job)
            samples.questions.append((ContinuousClock.now - asked) / .milliseconds(1))
        }
        return samples
    }

    /// From submit to done, with somebody else there who takes tasks. Milliseconds.
    mutating func measureDone(_ count: Int) throws -> [Double] {
        try (0..<count).map { _ in
            pause()
            let began = ContinuousClock.now
            let job = try submit()
            while try !client.job(job).state.isOver {
                try heartbeat()
                while let message = try worker.next(within: 1) {
                    guard case .assign(let number, let assignments) = message else { continue }
                    seen = number
                    for task in assignments { try finish(task) }
                }
                if ContinuousClock.now - began > .seconds(30) {
                    throw BenchFailure("job \(job) is not done after 30 s")
                }
            }
            return (ContinuousClock.now - began) / .milliseconds(1)
        }
    }

    /// Nothing of the sample before is under way any more, and no two of them beat in step with a clock.
    private func pause() { usleep(UInt32.random(in: 300...1500)) }

    private mutating func heartbeat() throws {
        guard ContinuousClock.now - lastHeartbeat > .milliseconds(500) else { return }
        lastHeartbeat = .now
        try worker.send(.heartbeat(worker: id, seen: seen, held: []))
    }
    private func submit() throws -> JobID {
        let submission = Submission(
            token: .random(in: 1...(.max)), kind: Noop.name, spec: Noop.Spec(count: 1).wireBytes, priority: 1,
            needs: TaskNeeds(memoryBytes: Self.memoryBytes))
        guard case .submitted(let job) = try client.ask(.submit(submission)) else {
            throw BenchFailure("a submit was not answered with a job")
        }
        return job
    }
    /// Tasks that an attacker submitted are done as well.
    private mutating func receive(_ job: JobID) throws -> Assignment {
        while let message = try worker.next() {
            guard case .assign(let number, let assignments) = message else { continue }
            seen = number
            for task in assignments where task.run.job != job { try finish(task) }
            if let task = assignments.first(where: { $0.run.job == job }) { return task }
        }
        throw BenchFailure("a task did not reach the honest worker in 10 s")
    }
    private mutating func finish(_ task: Assignment) throws {
        outcomes += 1
        let end = TaskOutcome(run: task.run, end: .done(Noop.Result().wireBytes), busyMicroseconds: 1)
        try worker.send(.outcomes(worker: id, number: outcomes, [end]))
    }
    func leave() throws {
        try worker.send(.goodbye(worker: id))
        usleep(50_000)
    }
}
