import Foundation
import Messages
import ZeroMQ

/// What a bench could not do, in words.
struct BenchFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A connection to a coordinator in its own protocol: asks as a command does, or poses as a worker.
final class Asker {
    private let socket: Socket
    private var poller = Poller()
    private var number: UInt64 = 0

    init(_ endpoint: String, security: SocketOptions.Security = .none) throws {
        var options = SocketOptions.messages(upTo: Frame.maximumBytes)
        options.queuesBeforeConnected = true
        options.lingerMilliseconds = 100
        options.security = security
        socket = try Socket(.dealer, options: options)
        try socket.connect(endpoint)
        _ = poller.add(socket)
    }

    func send(_ message: Inbound) throws { _ = try socket.send([Frame.encode(message)]) }

    /// The next message; nil when none comes in time.
    func next(within milliseconds: Int = 10_000) throws -> Outbound? {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        repeat {
            if let receipt = try socket.receive(), case .message(let message) = receipt,
                let frame = message.frames.first
            {
                return try Frame.decode(Outbound.self, frame)
            }
            try poller.wait(milliseconds: max(0, Int((end - .now) / .milliseconds(1))))
        } while ContinuousClock.now < end
        return nil
    }

    func ask(_ request: Request) throws -> Reply {
        number += 1
        try send(.request(number: number, request))
        while let message = try next() {
            guard case .reply(self.number, let reply) = message else { continue }
            if case .refused(let words) = reply { throw BenchFailure(words) }
            return reply
        }
        throw BenchFailure("the coordinator did not answer in 10 s")
    }

    func submit(_ kind: String, _ spec: some Wire, priority: Int32 = 0, cores: UInt32 = 1) throws -> JobID {
        let submission = Submission(
            token: UInt64.random(in: 1...UInt64.max), kind: kind, spec: spec.wireBytes, priority: priority,
            needs: TaskNeeds(cores: cores))
        guard case .submitted(let job) = try ask(.submit(submission)) else { throw unexpected }
        return job
    }
    func job(_ job: JobID) throws -> JobStatus {
        guard case .job(let status) = try ask(.job(job)) else { throw unexpected }
        return status
    }
    func status() throws -> ClusterStatus {
        guard case .status(let status) = try ask(.status) else { throw unexpected }
        return status
    }
    /// Looks every few milliseconds until the job is over.
    func wait(for id: JobID) throws -> JobStatus {
        while true {
            let status = try job(id)
            if status.state.isOver {
                guard status.state == .done else { throw BenchFailure("job \(id): \(status.reason)") }
                return status
            }
            usleep(5000)
        }
    }
    private var unexpected: BenchFailure { BenchFailure("the answer does not fit the question") }
}
