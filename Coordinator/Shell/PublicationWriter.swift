import Foundation
import Messages
import Store
import Synchronization
import ZeroMQ

/// What one planner publishes: a picture's next piece, in bytes of the job's kind.
typealias Publication = (job: JobID, bytes: [UInt8])

/// A file that pictures of jobs are written to. Lives on its writer's thread.
protocol PublicationSink {
    /// Said once when writing fails for good, after the reason.
    static func advice(for error: DatabaseError) -> String
    /// - Parameter isStopping: the coordinator wants to end, and does not wait for long.
    mutating func apply(_ batch: [Publication], isStopping: () -> Bool) throws(DatabaseError)
}
extension PublicationSink {
    static func advice(for error: DatabaseError) -> String { "" }
}

/// Writes what planners publish, on a thread of its own: whoever holds that file makes the picture late, and nobody else.
final class PublicationWriter<Sink: PublicationSink & SendableMetatype>: Sendable {
    struct Bounds: Sendable {
        /// Publications given to the sink at once, at most.
        var batch: Int
        /// Publications that wait, at most, and their bytes; beyond, the coordinator waits too, rather than grow without
        /// bound.
        var waiting: Int
        var waitingBytes = Int.max
    }
    private struct State: Sendable {
        var waiting: [Publication] = []
        var waitingBytes = 0
        var failure: String?
        var isStopped = false
        var isDone = false
    }
    private let state = Mutex(State())
    private let given = DispatchSemaphore(value: 0)
    private let taken = DispatchSemaphore(value: 0)
    private let bounds: Bounds
    private let wake: @Sendable () -> Void

    /// - Parameters:
    ///   - name: of the thread.
    ///   - wake: called when it has failed.
    ///   - make: called once, on the thread.
    init(_ name: String, _ bounds: Bounds, wake: @escaping @Sendable () -> Void, make: @escaping @Sendable () -> Sink) {
        self.bounds = bounds
        self.wake = wake
        let thread = Thread { [self] in work(make()) }
        thread.name = name
        thread.start()
    }

    /// Why it cannot be written, if it cannot: the coordinator must stop, and can resume.
    var failure: String? { state.withLock { $0.failure } }

    func write(_ publications: [[UInt8]], of job: JobID) {
        var at = 0
        while true {
            state.withLock { state in
                while at < publications.count,
                    state.failure != nil
                        || state.waiting.count < bounds.waiting && state.waitingBytes <= bounds.waitingBytes
                {
                    state.waiting.append((job, publications[at]))
                    state.waitingBytes += publications[at].count
                    at += 1
                }
            }
            given.signal()
            guard at < publications.count else { return }
            _ = taken.wait(timeout: .now() + .milliseconds(100))
        }
    }

    /// Writes what waits, and ends. Should it fail, `failure` says why: a restart writes it again.
    func stop() {
        state.withLock { $0.isStopped = true }
        given.signal()
        while state.withLock({ !$0.isDone }) { _ = taken.wait(timeout: .now() + .milliseconds(100)) }
    }

    private func work(_ made: Sink) {
        Signals.blockOnThisThread()
        do {
            var sink = made
            while !state.withLock({ $0.isStopped && $0.waiting.isEmpty }) {
                given.wait()
                while let batch = next() {
                    guard failure == nil else { continue }
                    do throws(DatabaseError) {
                        try sink.apply(batch, isStopping: { state.withLock { $0.isStopped } })
                    } catch {
                        state.withLock { $0.failure = error.description + Sink.advice(for: error) }
                        wake()
                    }
                }
            }
        }
        // The sink is closed.
        state.withLock { $0.isDone = true }
        taken.signal()
    }

    private func next() -> [Publication]? {
        let batch = state.withLock { state in
            let count = min(state.failure == nil ? bounds.batch : .max, state.waiting.count)
            let batch = Array(state.waiting[..<count])
            state.waiting.removeFirst(count)
            for publication in batch { state.waitingBytes -= publication.bytes.count }
            return batch
        }
        taken.signal()
        return batch.isEmpty ? nil : batch
    }
}
