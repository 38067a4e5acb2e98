import Blobs
import CoordinatorCore
import Messages
import Store

// Questions that change nothing in the core.
extension Coordinator {
    /// Bytes in one chunk: small enough that a heartbeat behind it is not late on a slow line.
    static let chunkBytes = 256 << 10
    /// Bytes of results in one reply, well under a frame.
    private static let replyBytes = 4 << 20
    /// Blobs on their way in at once.
    private static let maximumUploads = 64
    /// A client that goes on sends something every few milliseconds.
    private static let uploadPatience: Duration = .seconds(60)
    /// No blob is larger: what fits a run of the largest universe with room to spare.
    private static let maximumBlobBytes: UInt64 = 8 << 30

    /// A blob on its way in.
    struct Upload {
        let assembly: BlobAssembly
        /// When something of it came last.
        var heard = ContinuousClock.now
    }

    func reply(to request: Request, _ database: borrowing StateDatabase) throws -> Reply {
        let now = milliseconds
        switch request {
        case .status:
            return .status(
                ClusterStatus(
                    jobs: core.jobStatuses(at: now), workers: core.workerStatuses(at: now),
                    coordinator: coordinatorStatus()))
        case .job(let job):
            return core.status(of: job, at: now).map(Reply.job)
                ?? .refused("there is no job \(job); `apex jobs` lists them.")
        case .why(let text): return .because(core.why(text, at: now))
        case .results(let job, let from):
            return .results(try database.records(of: job, from: from, maximumBytes: Self.replyBytes))
        case .ledger(let job, let from): return .ledger(try database.ledger(of: job, from: from, limit: 10_000))
        case .output(let job, let task, let after):
            return .output(printed.parts(of: job, task: task, after: after, maximumBytes: Self.replyBytes))
        case .putBlob(let blob, let total, let offset, let bytes): return receive(blob, total, offset, bytes)
        case .submit, .cancel, .pause, .unpause, .addBudget, .tell: return .refused("this is not a question")
        }
    }

    func chunk(of blob: BlobID, _ offset: UInt64, _ count: UInt32) -> Outbound {
        guard let size = blobs.size(of: blob), offset <= UInt64(size),
            let bytes = try? blobs.chunk(of: blob, at: Int(offset), count: min(Int(count), Self.chunkBytes))
        else { return .blobMissing(blob) }
        return .blobChunk(blob, offset: offset, total: UInt64(size), bytes)
    }

    private func receive(_ blob: BlobID, _ total: UInt64, _ offset: UInt64, _ bytes: [UInt8]) -> Reply {
        guard total <= Self.maximumBlobBytes else {
            return .refused("a blob of \(total) bytes; at most \(Self.maximumBlobBytes)")
        }
        guard offset <= total else { return .refused("bytes from \(offset) on, of a blob of \(total) bytes") }
        if blobs.contains(blob) { return .blobReceived(total) }
        forgetIdleUploads(but: blob)
        do throws(BlobError) {
            if uploads[blob] == nil {
                guard uploads.count < Self.maximumUploads else {
                    return .refused("too many uploads at once; try again")
                }
                uploads[blob] = try blobs.assemble(blob, totalBytes: Int(total)).map { Upload(assembly: $0) }
            }
            guard let assembly = uploads[blob]?.assembly else { return .blobReceived(total) }
            uploads[blob]?.heard = .now
            if Int(offset) <= assembly.receivedBytes { try assembly.append(bytes, at: Int(offset)) }
            guard assembly.isComplete else { return .blobReceived(UInt64(assembly.receivedBytes)) }
            uploads[blob] = nil
            try assembly.finish()
            return .blobReceived(total)
        } catch {
            uploads[blob] = nil
            return .refused(error.description)
        }
    }

    /// Who stopped in the middle holds no place: what came is on the disk, and whoever goes on with it finds it there.
    private func forgetIdleUploads(but blob: BlobID) {
        let end = ContinuousClock.now - Self.uploadPatience
        uploads = uploads.filter { $0.key == blob || $0.value.heard > end }
    }
}
