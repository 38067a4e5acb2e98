import Blobs
import Foundation
import Messages

/// Where compute threads get blobs: from the coordinator's own folder when it lies on this host, from this worker's cache,
/// or over the network. The network is the `BlobFetcher`'s part: it takes what is wanted here, and says how it ended.
final class BlobDesk: BlobSource, @unchecked Sendable {
    /// Workers of one host that share a state folder have a cache each; more than this many share nothing.
    private static let maximumCaches = 64

    private enum State {
        case wanted
        case here
        case failed(JobError)
    }
    private struct Entry {
        var state = State.wanted
        /// Threads that wait for it; the entry goes with the last.
        var waiting = 0
    }

    private let monitor = Monitor()
    private let tell: @Sendable () -> Void
    private let cacheFolder: String
    private let cacheBytes: Int
    // Touched only inside `monitor.locked`.
    private var entries: [BlobID: Entry] = [:]
    /// In the order they were asked for.
    private var order: [BlobID] = []
    private var isClosed = false
    /// The coordinator's folder, when it lies on this host.
    private var shared: BlobStore?
    private var sharedFolder: String?
    private var openCache: BlobStore?

    /// - Parameter cacheBytes: of what was fetched and is kept on disk, at most.
    init(cacheFolder: String, cacheBytes: Int = 1 << 30, tell: @escaping @Sendable () -> Void) {
        self.cacheFolder = cacheFolder
        self.cacheBytes = cacheBytes
        self.tell = tell
    }

    // MARK: - Compute threads

    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        let (shared, cache) = monitor.locked { (self.shared, openCache) }
        for store in [shared, cache] {
            // A folder that cannot be read, or a blob damaged there, is one more reason to fetch.
            if let store, store.contains(blob), let bytes = try? store.bytes(of: blob) { return bytes }
        }
        try wait(for: blob)
        // Verified as it came; it can only be gone when the cache is far too small.
        return try self.cache().bytes(of: blob)
    }

    private func wait(for blob: BlobID) throws(JobError) {
        let end: State = monitor.locked {
            if entries[blob] == nil {
                entries[blob] = Entry()
                order.append(blob)
                tell()
            }
            entries[blob]!.waiting += 1
            while case .wanted = entries[blob]!.state, !isClosed { monitor.wait() }
            let end = entries[blob]!.state
            entries[blob]!.waiting -= 1
            if entries[blob]!.waiting == 0 {
                entries[blob] = nil
                order.removeAll { $0 == blob }
            }
            return end
        }
        switch end {
        case .here: return
        case .failed(let error): throw error
        case .wanted: throw JobError("blob \(blob) was not fetched: the worker is leaving.")
        }
    }

    // MARK: - The network thread

    /// - Parameter sharedFolder: the coordinator's blobs, when they lie on this host.
    func joined(sharedFolder: String?) {
        monitor.locked {
            guard sharedFolder != self.sharedFolder else { return }
            self.sharedFolder = sharedFolder
            shared = sharedFolder.flatMap { try? BlobStore($0, as: .reader) }
        }
    }

    /// Threads that wait for a blob give up.
    func close() {
        monitor.locked {
            isClosed = true
            monitor.broadcast()
        }
    }

    /// The blob to fetch next; nil when no thread waits for one.
    var next: BlobID? {
        monitor.locked {
            order.first { if case .wanted? = entries[$0]?.state { true } else { false } }
        }
    }

    func isWanted(_ blob: BlobID) -> Bool { monitor.locked { entries[blob] != nil } }

    func arrived(_ blob: BlobID) { settle(blob, .here) }
    func failed(_ blob: BlobID, _ error: JobError) { settle(blob, .failed(error)) }

    private func settle(_ blob: BlobID, _ state: State) {
        monitor.locked {
            entries[blob]?.state = state
            monitor.broadcast()
        }
    }

    /// Opened when the first blob is fetched: a worker on the coordinator's host needs none.
    func cache() throws(JobError) -> BlobStore {
        try monitor.locked { () throws(JobError) in
            if let openCache { return openCache }
            var reason = ""
            do { try FileManager.default.createDirectory(atPath: cacheFolder, withIntermediateDirectories: true) } catch
            {
                throw JobError("\(cacheFolder) cannot be made: \(error.localizedDescription); give another --state.")
            }
            for number in 1...Self.maximumCaches {
                do throws(BlobError) {
                    // The first that no other worker has open.
                    let store = try BlobStore("\(cacheFolder)/\(number)", as: .cache(limitBytes: cacheBytes))
                    openCache = store
                    return store
                } catch { if reason.isEmpty { reason = error.description } }
            }
            throw JobError(reason)
        }
    }
}
