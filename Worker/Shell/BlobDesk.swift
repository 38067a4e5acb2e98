import Blobs
import Messages

/// Where compute threads get blobs: from the coordinator's own folder when it lies on this host, from the cache, or over
/// the network, which is the network thread's part: it asks what is `wanted`, sends that, and hands in what comes back.
final class BlobDesk: BlobSource, @unchecked Sendable {
    static let chunkBytes = 256 << 10
    /// Chunks asked for and not yet here: enough to fill a link of 1 Gbit/s over 15 ms, little beside other messages.
    static let credit = 8
    /// A chunk that did not come by then is asked for again.
    static let patienceMilliseconds: Int64 = 2000
    /// Beyond this a blob does not fit the memory of the machines this runs on.
    static let maximumBytes: UInt64 = 4 << 30

    struct Want: Equatable {
        var blob: BlobID
        var offset: UInt64
        var count: UInt32
    }

    private enum State {
        case fetching(Fetch)
        case here([UInt8])
        case failed(JobError)
    }
    private struct Entry {
        var state: State
        /// Threads that wait for it; the entry goes with the last.
        var waiting: Int
    }

    private let monitor = Monitor()
    private let tell: @Sendable () -> Void
    // Touched only inside `monitor.locked`.
    private var entries: [BlobID: Entry] = [:]
    /// In the order they were asked for: one is fetched at a time.
    private var order: [BlobID] = []
    private var isClosed = false
    private var sharedFolder: String?

    init(cacheFolder: String, tell: @escaping @Sendable () -> Void) {
        self.tell = tell
    }

    // MARK: - Compute threads

    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        let end: State = monitor.locked {
            if entries[blob] == nil {
                entries[blob] = Entry(state: .fetching(Fetch()), waiting: 0)
                order.append(blob)
                tell()
            }
            entries[blob]!.waiting += 1
            while case .fetching = entries[blob]!.state, !isClosed { monitor.wait() }
            let end = entries[blob]!.state
            entries[blob]!.waiting -= 1
            if entries[blob]!.waiting == 0 {
                entries[blob] = nil
                order.removeAll { $0 == blob }
            }
            return end
        }
        switch end {
        case .here(let bytes): return bytes
        case .failed(let error): throw error
        case .fetching: throw JobError("blob \(blob) was not fetched: the worker is leaving.")
        }
    }

    // MARK: - The network thread

    /// A connection is up. What was asked on another is asked again.
    func joined(sharedFolder: String?) {
        monitor.locked {
            self.sharedFolder = sharedFolder
            for blob in order {
                guard case .fetching(var fetch) = entries[blob]?.state else { continue }
                fetch.asked = []
                entries[blob]!.state = .fetching(fetch)
            }
        }
    }

    /// Threads that wait for a blob give up.
    func close() {
        monitor.locked {
            isClosed = true
            monitor.broadcast()
        }
    }

    /// What to ask the coordinator for now.
    func wanted(at now: Int64) -> [Want] {
        monitor.locked {
            for blob in order {
                guard case .fetching(var fetch) = entries[blob]?.state else { continue }
                let wants = fetch.wants(at: now).map { Want(blob: blob, offset: $0, count: UInt32(Self.chunkBytes)) }
                entries[blob]!.state = .fetching(fetch)
                return wants
            }
            return []
        }
    }

    func received(_ blob: BlobID, offset: UInt64, total: UInt64, _ bytes: [UInt8]) {
        monitor.locked {
            // Nobody waits any more, or it came twice: normal.
            guard case .fetching(var fetch) = entries[blob]?.state else { return }
            switch fetch.add(offset: offset, total: total, bytes) {
            case .more: entries[blob]!.state = .fetching(fetch)
            case .refused(let reason):
                Log.warning("chunk_refused", ["blob": blob, "offset": offset, "reason": reason])
                entries[blob]!.state = .fetching(fetch)
            case .complete(let bytes) where BlobID(of: bytes) == blob:
                entries[blob]!.state = .here(bytes)
                monitor.broadcast()
            case .complete:
                Log.warning("blob_refused", ["blob": blob, "reason": "its hash is another; fetching it again"])
                entries[blob]!.state = restarted(blob, attempts: fetch.attempts + 1)
                monitor.broadcast()
            }
            tell()
        }
    }

    private func restarted(_ blob: BlobID, attempts: Int) -> State {
        guard attempts < 3 else {
            return .failed(
                JobError("blob \(blob) came damaged \(attempts) times; check the coordinator's disk and the network."))
        }
        var fetch = Fetch()
        fetch.attempts = attempts
        return .fetching(fetch)
    }

    func missing(_ blob: BlobID) {
        monitor.locked {
            guard case .fetching = entries[blob]?.state else { return }
            entries[blob]!.state = .failed(
                JobError("blob \(blob) is not at the coordinator; submit the job again with its inputs."))
            monitor.broadcast()
            tell()
        }
    }
}

/// One blob on its way: chunks asked for, chunks here.
struct Fetch {
    private(set) var bytes: [UInt8] = []
    private(set) var total: UInt64?
    private var have: Set<UInt64> = []  // offsets; asked, never iterated
    var asked: [(offset: UInt64, at: Int64)] = []
    var attempts = 0

    enum Progress: Equatable {
        case more
        case refused(String)
        case complete([UInt8])
    }

    mutating func wants(at now: Int64) -> [UInt64] {
        asked.removeAll { now - $0.at >= BlobDesk.patienceMilliseconds || have.contains($0.offset) }
        var wants: [UInt64] = []
        // The first chunk tells how long the blob is.
        var offset: UInt64 = 0
        while offset < total ?? 1, asked.count < BlobDesk.credit {
            if !have.contains(offset), !asked.contains(where: { $0.offset == offset }) {
                asked.append((offset, now))
                wants.append(offset)
            }
            offset += UInt64(BlobDesk.chunkBytes)
        }
        return wants
    }

    mutating func add(offset: UInt64, total: UInt64, _ chunk: [UInt8]) -> Progress {
        guard total <= BlobDesk.maximumBytes else { return .refused("it says that it holds \(total) bytes") }
        guard self.total == nil || self.total == total else { return .refused("its length changed to \(total)") }
        let size = UInt64(BlobDesk.chunkBytes)
        guard offset % size == 0, offset < max(total, 1), UInt64(chunk.count) == min(size, total - offset) else {
            return .refused("\(chunk.count) bytes at \(offset) of \(total) were not asked for")
        }
        if self.total == nil {
            self.total = total
            bytes = [UInt8](repeating: 0, count: Int(total))
        }
        asked.removeAll { $0.offset == offset }
        guard have.insert(offset).inserted else { return .more }
        bytes.replaceSubrange(Int(offset)..<Int(offset) + chunk.count, with: chunk)
        return UInt64(have.count) * size >= total ? .complete(bytes) : .more
    }
}
