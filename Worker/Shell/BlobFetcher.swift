import Blobs
import Messages

/// Fetches one blob at a time from the coordinator, chunk after chunk, with a credit of chunks under way. Belongs to the
/// network thread. A connection that breaks costs the chunks under way, no more.
final class BlobFetcher {
    static let chunkBytes = 256 << 10
    /// Chunks asked for and not yet here: enough to fill 1 Gbit/s over 15 ms, little beside other messages.
    static let credit = 8
    /// Without a chunk for so long, what was asked for is asked for again.
    static let patienceMilliseconds: Int64 = 2000
    /// A blob that comes damaged so often is somebody's broken disk.
    static let attempts = 3

    private struct Fetch {
        let blob: BlobID
        /// Nil until the first chunk tells how long the blob is.
        var assembly: BlobAssembly?
        var askedBytes = 0
        var lastProgress: Int64
        var attempts = 0
        var receivedBytes: Int { assembly?.receivedBytes ?? 0 }
    }
    private let desk: BlobDesk
    private var fetch: Fetch?

    init(_ desk: BlobDesk) { self.desk = desk }

    /// Chunks to ask for now, as far as `send` takes them.
    func ask(at now: Int64, _ send: (Inbound) -> Bool) {
        if let current = fetch, !desk.isWanted(current.blob) { fetch = nil }
        if fetch == nil, let blob = desk.next { fetch = Fetch(blob: blob, lastProgress: now) }
        guard var current = fetch else { return }
        if now - current.lastProgress >= Self.patienceMilliseconds {
            current.askedBytes = current.receivedBytes
            current.lastProgress = now
        }
        let total = current.assembly?.totalBytes ?? 1  // before its length is known, one chunk
        while current.askedBytes < total,
            current.askedBytes - current.receivedBytes < Self.credit * Self.chunkBytes,
            send(.wantBlob(current.blob, offset: UInt64(current.askedBytes), count: UInt32(Self.chunkBytes)))
        {
            current.askedBytes += Self.chunkBytes
        }
        fetch = current
    }

    /// What was under way on another connection is lost.
    func reconnected() { if let received = fetch?.receivedBytes { fetch!.askedBytes = received } }

    func received(_ blob: BlobID, offset: UInt64, total: UInt64, _ bytes: [UInt8], at now: Int64) {
        // Of a blob that nobody waits for any more, or twice: normal.
        guard var current = fetch, current.blob == blob else { return }
        do throws(BlobError) {
            guard let total = Int(exactly: total), let offset = Int(exactly: offset), !bytes.isEmpty || total == 0,
                current.assembly == nil || current.assembly?.totalBytes == total
            else { throw BlobError(.wrongUse, "\(bytes.count) bytes at \(offset) of \(total) were not asked for") }
            let before = current.receivedBytes
            if current.assembly == nil {
                let cache: BlobStore
                do throws(JobError) { cache = try desk.cache() } catch { return end(error) }
                current.assembly = try cache.assemble(blob, totalBytes: total)
                guard current.assembly != nil else { return arrived() }
            }
            try current.assembly!.append(bytes, at: offset)
            if current.receivedBytes > before { current.lastProgress = now }
            current.askedBytes = max(current.askedBytes, current.receivedBytes)
            fetch = current
            if current.assembly!.isComplete {
                try current.assembly!.finish()
                arrived()
            }
        } catch {
            Log.warning("chunk_refused", ["blob": blob, "offset": offset, "reason": error.description])
            switch error.kind {
            case .wrongUse: break
            case .corrupt where current.attempts + 1 < Self.attempts:
                // Its assembly threw away what it had.
                fetch = nil
                fetch = Fetch(blob: blob, lastProgress: now, attempts: current.attempts + 1)
            case .corrupt, .missing, .full, .system: end(JobError(error.description))
            }
        }
    }

    func missing(_ blob: BlobID) {
        guard fetch?.blob == blob else { return }
        end(JobError("blob \(blob) is not at the coordinator; submit the job again with its inputs."))
    }

    private func arrived() {
        guard let blob = fetch?.blob else { return }
        fetch = nil
        desk.arrived(blob)
    }
    private func end(_ error: JobError) {
        guard let blob = fetch?.blob else { return }
        fetch = nil
        desk.failed(blob, error)
    }
}
