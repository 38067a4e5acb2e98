import Foundation
import Messages

/// A blob that arrives in chunks, in order. Dropped before its end, it keeps what it has in `tmp/`, and the next
/// assembly of the same blob in this process continues there. Belongs to one thread.
package final class BlobAssembly {
    package let id: BlobID
    package let totalBytes: Int
    /// How much is here: where the next chunk must begin.
    package private(set) var receivedBytes = 0

    private let store: BlobStore
    private let file: File
    private var hasher = BlobHasher()
    private var isOver = false
    private var holdsRoom = true

    init(_ id: BlobID, totalBytes: Int, in store: BlobStore) throws(BlobError) {
        file = try File("\(store.folder)/tmp/\(id).part", O_RDWR | O_CREAT | O_APPEND, doing: "writing")
        self.id = id
        self.totalBytes = totalBytes
        self.store = store
        let size = try file.size()
        if size > totalBytes { _ = ftruncate(file.descriptor, 0) }
        while receivedBytes < min(size, totalBytes) {
            let bytes = try file.read(at: receivedBytes, count: min(1 << 20, totalBytes - receivedBytes))
            guard !bytes.isEmpty else { break }
            hasher.update(bytes)
            receivedBytes += bytes.count
        }
    }
    deinit { end() }

    package var isComplete: Bool { receivedBytes == totalBytes }

    /// Takes the chunk that begins at `offset`. A chunk that is already here changes nothing.
    /// - Throws: when bytes before it are missing, it goes past the blob's end, or the disk says no.
    package func append(_ bytes: [UInt8], at offset: Int) throws(BlobError) {
        guard offset >= 0, offset <= receivedBytes, bytes.count <= totalBytes - offset else {
            throw BlobError(
                .wrongUse, "\(bytes.count) bytes at \(offset) of \(totalBytes), of which \(receivedBytes) are here")
        }
        guard offset + bytes.count > receivedBytes else { return }
        let fresh = offset == receivedBytes ? bytes : Array(bytes[(receivedBytes - offset)...])
        do throws(BlobError) { try file.write(fresh) } catch {
            // Part of it may be written: back to what the hash has seen.
            _ = ftruncate(file.descriptor, off_t(receivedBytes))
            throw error
        }
        hasher.update(fresh)
        receivedBytes += fresh.count
    }

    /// Puts the blob in its place.
    /// - Throws: when bytes are missing, or when they are not what the blob's name says; they are thrown away then.
    package func finish() throws(BlobError) {
        guard isComplete else {
            throw BlobError(.wrongUse, "\(receivedBytes) of \(totalBytes) bytes are here; fetch the rest first")
        }
        defer { end() }
        guard hasher.finish() == id else {
            try Files.remove(file.path)
            throw BlobError(.corrupt, "what came as blob \(id) is not it; it was thrown away, fetch it again")
        }
        if store.use == .owner { try file.sync() }
        try store.settle(file.path, as: id, bytes: totalBytes)
        holdsRoom = false
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        store.ended(id, givingBack: holdsRoom ? totalBytes : 0)
    }
}

extension BlobStore {
    /// Begins to receive a blob, or goes on where the last attempt stopped.
    /// - Returns: nil when the blob is already here.
    /// - Throws: when another assembly of it is under way, or there is no room.
    package func assemble(_ id: BlobID, totalBytes: Int) throws(BlobError) -> BlobAssembly? {
        guard totalBytes >= 0 else { throw BlobError(.wrongUse, "a blob of \(totalBytes) bytes") }
        if contains(id) { return nil }
        guard state.withLock({ $0.assembling.insert(id).inserted }) else {
            throw BlobError(.wrongUse, "blob \(id) is already being received")
        }
        do throws(BlobError) { try makeRoom(for: totalBytes) } catch {
            state.withLock { _ = $0.assembling.remove(id) }
            throw error
        }
        do throws(BlobError) { return try BlobAssembly(id, totalBytes: totalBytes, in: self) } catch {
            ended(id, givingBack: totalBytes)
            throw error
        }
    }

    fileprivate func ended(_ id: BlobID, givingBack bytes: Int) {
        state.withLock { state in
            state.assembling.remove(id)
            state.reservedBytes -= bytes
        }
    }
}
