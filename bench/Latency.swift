import Foundation
import Jobs
import Messages

/// From a client's submit to a worker's receipt of the task, with both commits in between: the job's and the claim's.
///
/// This process is client and worker at once, so one clock tells. The worker answers each task, as a real one does.
/// Beside each submit a question that stores nothing: what the machine and its other work make of one message there and
/// back; and one page that is appended to a file and flushed: what the disk makes of the least that can be stored.
struct Latency {
    private let client: Asker
    private let worker: Asker
    private let id = WorkerID(UInt64.random(in: 1...UInt64.max))
    private var outcomes: UInt64 = 0
    private var lastHeartbeat = ContinuousClock.now
    private let file: FileHandle
    private let page = Data(repeating: 7, count: 4096)

    init(_ cluster: LocalCluster) throws {
        let path = cluster.state + "/probe"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard let file = FileHandle(forWritingAtPath: path) else { throw BenchFailure("\(path) cannot be written") }
        self.file = file
        client = try cluster.connect()
        worker = try cluster.connect(as: "worker")
        try worker.send(
            .hello(
                Inbound.Hello(
                    worker: id, name: "probe", codeVersion: codeVersion, slots: 1, hardware: HardwareReport(), seen: 0,
                    held: [])))
        while let message = try worker.next() { if case .welcome = message { return } }
        throw BenchFailure("the coordinator does not welcome a worker")
    }

    /// - Returns: milliseconds of each submit, of each question, and of each flush.
    mutating func measure(_ count: Int) throws -> (submits: [Double], questions: [Double], flushes: [Double]) {
        var samples: [Double] = []
        var questions: [Double] = []
        var flushes: [Double] = []
        while samples.count < count {
            // Idle: nothing of the last task is under way any more, and no two submits beat in step with a clock.
            usleep(UInt32.random(in: 5000...15_000))
            if ContinuousClock.now - lastHeartbeat > .seconds(1) {
                lastHeartbeat = .now
                try worker.send(.heartbeat(worker: id, seen: .max, held: []))
            }
            let began = ContinuousClock.now
            let job = try client.submit(Noop.name, Noop.Spec(count: 1))
            let task = try receive(job)
            samples.append((ContinuousClock.now - began) / .milliseconds(1))
            outcomes += 1
            let end = TaskOutcome(run: task.run, end: .done(Noop.Result().wireBytes), busyMicroseconds: 1)
            try worker.send(.outcomes(worker: id, number: outcomes, [end]))
            _ = try client.wait(for: job)
            usleep(UInt32.random(in: 5000...15_000))
            let asked = ContinuousClock.now
            _ = try client.job(job)
            questions.append((ContinuousClock.now - asked) / .milliseconds(1))
            usleep(UInt32.random(in: 5000...15_000))
            let written = ContinuousClock.now
            try file.write(contentsOf: page)
            try file.synchronize()
            flushes.append((ContinuousClock.now - written) / .milliseconds(1))
        }
        return (samples, questions, flushes)
    }

    private func receive(_ job: JobID) throws -> Assignment {
        while let message = try worker.next() {
            guard case .assign(_, let assignments) = message else { continue }
            if let task = assignments.first(where: { $0.run.job == job }) { return task }
        }
        throw BenchFailure("a task did not reach the worker in 10 s")
    }
    func leave() throws {
        try worker.send(.goodbye(worker: id))
        usleep(50_000)
    }
}
