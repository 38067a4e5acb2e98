import CoordinatorCore
import Foundation
import Jobs
import Messages
import Store
import Studies

/// Writes what studies publish into `studies.sqlite`. All of it is in `state.sqlite` too: a restart publishes it again.
struct StudySink: PublicationSink {
    /// How long one try waits for another program's lock. There is another try, for as long as the coordinator runs.
    private static let patience: Duration = .seconds(5)

    private let folder: StateFolder
    private let log: EventLog
    /// Opened with the first study: most coordinators have none.
    private var store: StudyStore?

    init(_ folder: StateFolder, _ log: EventLog) {
        self.folder = folder
        self.log = log
    }

    /// Its writer: a transaction of so many bounds how long other readers and writers wait.
    static func writer(_ folder: StateFolder, _ log: EventLog, wake: @escaping @Sendable () -> Void)
        -> PublicationWriter<StudySink>
    {
        PublicationWriter(
            "studies", .init(batch: 2000, waiting: 200_000, waitingBytes: 256 << 20), wake: wake
        ) { StudySink(folder, log) }
    }

    static func advice(for error: DatabaseError) -> String {
        error.cause == .corrupt
            ? " Studies are in state.sqlite too: without this file the next start writes a new one." : ""
    }

    /// Tries until no other program holds the file.
    mutating func apply(_ batch: [Publication], isStopping: () -> Bool) throws(DatabaseError) {
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
                guard error.cause == .locked, !isStopping() else { throw error }
                if lockedSince == nil {
                    lockedSince = .now - Self.patience
                    log.write(LogLine(.warning, "studies_locked", [("why", "\"\(error.description)\"")]))
                }
            }
        }
    }

    private func apply(_ batch: [Publication], to store: StudyStore) throws(DatabaseError) {
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
