import CoordinatorCore
import Foundation
import Jobs
import Messages
import Store
import Studies
import Synchronization
import ZeroMQ

/// Writes what studies publish into `studies.sqlite`, on a thread of its own: whoever has that file open for long makes
/// the picture late, and nobody else. All of it is in `state.sqlite` too: a restart publishes it again.
final class StudyWriter: Sendable {
    /// Publications of one transaction, at most: bounds how long other readers and writers wait.
    private static let batch = 2000
    /// Publications that wait, at most, and their bytes; beyond, the coordinator waits too, rather than grow without
    /// bound.
    private static let maximumWaiting = 200_000
    private static let maximumWaitingBytes = 256 << 20
    /// How long one try waits for another program's lock. There is another try, for as long as the coordinator runs.
    private static let patience: Duration = .seconds(5)

    private struct State: Sendable {
        var waiting: [(job: JobID, bytes: [UInt8])] = []
        var waitingBytes = 0
        var failure: String?
        var isStopped = false
        var isDone = false
        var isFull: Bool {
            waiting.count > StudyWriter.maximumWaiting || waitingBytes > StudyWriter.maximumWaitingBytes
        }
    }
    private let state = Mutex(State())
    private let given = DispatchSemaphore(value: 0)
    private let taken = DispatchSemaphore(value: 0)
    private let folder: StateFolder
    private let log: EventLog
    private let wake: @Sendable () -> Void

    /// - Parameter wake: called when it has failed.
    init(_ folder: StateFolder, _ log: EventLog, wake: @escaping @Sendable () -> Void) {
        self.folder = folder
        self.log = log
        self.wake = wake
        let thread = Thread { [self] in work() }
        thread.name = "studies"
        thread.start()
    }

    /// Why studies cannot be written, if they cannot: the coordinator must stop, and can resume.
    var failure: String? { state.withLock { $0.failure } }

    func write(_ publications: [[UInt8]], of job: JobID) {
        while state.withLock({ $0.isFull && $0.failure == nil }) {
            _ = taken.wait(timeout: .now() + .milliseconds(100))
        }
        state.withLock { state in
            for bytes in publications {
                state.waiting.append((job, bytes))
                state.waitingBytes += bytes.count
            }
        }
        given.signal()
    }

    /// Writes what waits, and ends. Should it fail, `failure` says why: a restart writes it again.
    func stop() {
        state.withLock { $0.isStopped = true }
        given.signal()
        while state.withLock({ !$0.isDone }) { _ = taken.wait(timeout: .now() + .milliseconds(100)) }
    }

    private func work() {
        Signals.blockOnThisThread()
        // Opened with the first study: most coordinators have none.
        var store: StudyStore?
        while true {
            given.wait()
            while true {
                let batch = state.withLock { state in
                    let count = state.failure == nil ? min(Self.batch, state.waiting.count) : state.waiting.count
                    let batch = Array(state.waiting[..<count])
                    state.waiting.removeFirst(count)
                    for publication in batch { state.waitingBytes -= publication.bytes.count }
                    return batch
                }
                taken.signal()
                guard !batch.isEmpty else { break }
                guard failure == nil else { continue }
                do throws(DatabaseError) { try write(batch, &store) } catch {
                    let advice =
                        error.cause == .corrupt
                        ? " Studies are in state.sqlite too: without this file the next start writes a new one." : ""
                    state.withLock { $0.failure = error.description + advice }
                    wake()
                }
            }
            if state.withLock({ $0.isStopped && $0.waiting.isEmpty }) { break }
        }
        store = nil
        state.withLock { $0.isDone = true }
        taken.signal()
    }

    /// Tries until no other program holds the file.
    private func write(_ batch: [(job: JobID, bytes: [UInt8])], _ store: inout StudyStore?) throws(DatabaseError) {
        var lockedSince: ContinuousClock.Instant?
        while true {
            do throws(DatabaseError) {
                if store == nil {
                    store = try StudyStore(path: folder.studies, folder: folder.studyFolder, patience: Self.patience)
                }
                try apply(batch, to: store!)
                guard let lockedSince else { return }
                let seconds = (ContinuousClock.now - lockedSince).components.seconds
                return log.write(LogLine(.info, "studies_unlocked", [("seconds", "\(seconds)")]))
            } catch {
                guard error.cause == .locked, !state.withLock({ $0.isStopped }) else { throw error }
                if lockedSince == nil {
                    lockedSince = .now - Self.patience
                    log.write(LogLine(.warning, "studies_locked", [("why", "\"\(error.description)\"")]))
                }
            }
        }
    }

    private func apply(_ batch: [(job: JobID, bytes: [UInt8])], to store: StudyStore) throws(DatabaseError) {
        let now = UInt64(Date().timeIntervalSince1970 * 1000)
        var at = 0
        while at < batch.count {
            let job = batch[at].job
            var publications: [Study.Publication] = []
            while at < batch.count, batch[at].job == job {
                // Our own planner wrote it.
                if let publication = try? Study.Publication(wireBytes: batch[at].bytes) {
                    publications.append(publication)
                }
                at += 1
            }
            try store.apply(publications, of: job, at: now)
            for remark in store.takeRemarks() {
                log.write(LogLine(.warning, "studies_changed", [("what", "\"\(remark)\"")]))
            }
        }
    }
}
