import Foundation
import Messages
import Synchronization

/// A folder of immutable blobs, each in a file named by its hash: `ab/abcdef…`. Usable from every thread.
///
/// A blob is in its place whole or not at all: it is written under another name in `tmp/` and moved. Its bytes are
/// checked against its name when it is first opened.
package final class BlobStore: BlobSource, Sendable {
    package enum Use: Sendable, Equatable {
        /// The one process that puts blobs here for good: what `put` returned survives a power cut.
        case owner
        /// As the owner, but forgetting what was not used for longest beyond so many bytes, and trusting nothing after
        /// a power cut but the hashes.
        case cache(limitBytes: Int)
        /// Maps what an owner in another process put here. Writes nothing.
        case reader
    }
    struct Entry: Sendable {
        var bytes: Int
        /// Rises with every use.
        var lastUse: UInt64
        /// Tells this stay of the blob from one before it was evicted or removed.
        var stay: UInt64
        var users = 0
        var isVerified = false
    }
    struct State: Sendable {
        /// Iterated only sorted by use.
        var entries: [BlobID: Entry] = [:]
        var storedBytes = 0
        /// Of puts and assemblies under way.
        var reservedBytes = 0
        var assembling: Set<BlobID> = []
        var clock: UInt64 = 0
    }

    package let folder: String
    package let use: Use
    let verifies: Bool
    let state = Mutex(State())
    /// Held while files come and go, so that no eviction removes what was just put. Taken before `state`.
    private let placing = Mutex(())
    private let lock: Int32
    private let temporaries = Atomic(0)

    /// Opens the folder, making it if need be, and clears away what a crash left unfinished.
    /// - Parameter verifies: check a blob's hash when it is first opened. False trusts the disk.
    /// - Throws: when another owner has it open, or the disk says no.
    package init(_ folder: String, as use: Use = .owner, verifies: Bool = true) throws(BlobError) {
        self.folder = folder
        self.use = use
        self.verifies = verifies
        guard use != .reader else {
            lock = -1
            return
        }
        try Files.makeFolder(folder)
        try Files.makeFolder("\(folder)/tmp")
        lock = try Self.lock("\(folder)/lock")
        for name in Files.names(in: "\(folder)/tmp") { try Files.remove("\(folder)/tmp/\(name)") }
        let found = Self.scan(folder)
        state.withLock { state in
            for (id, bytes) in found {
                state.clock += 1
                state.entries[id] = Entry(bytes: bytes, lastUse: state.clock, stay: state.clock)
                state.storedBytes += bytes
            }
        }
        try makeRoom(for: 0)
    }
    deinit { if lock >= 0 { close(lock) } }

    // MARK: - Putting

    /// Stores bytes under the name that it returns. Does nothing when they are already here.
    @discardableResult package func put(_ bytes: [UInt8]) throws(BlobError) -> BlobID {
        let id = BlobID(of: bytes)
        if contains(id) {
            touch(id)
            return id
        }
        try makeRoom(for: bytes.count)
        let temporary = "\(folder)/tmp/\(temporaries.add(1, ordering: .relaxed).newValue)"
        do throws(BlobError) {
            let file = try File(temporary, O_WRONLY | O_CREAT | O_EXCL, doing: "writing")
            try file.write(bytes)
            if use == .owner { try file.sync() }
            try settle(temporary, as: id, bytes: bytes.count)
        } catch {
            state.withLock { $0.reservedBytes -= bytes.count }
            try? Files.remove(temporary)
            throw error
        }
        return id
    }

    /// Moves a complete, checked file to its place, into the room that was reserved for it.
    func settle(_ temporary: String, as id: BlobID, bytes: Int) throws(BlobError) {
        let place = "\(folder)/\(id.description.prefix(2))"
        _ = unsafe chmod(temporary, 0o400)
        try placing.withLock { _ throws(BlobError) in
            let isNew = try Files.makeFolder(place)
            try Files.rename(temporary, path(of: id))
            if use == .owner {
                try Files.syncFolder(place)
                if isNew { try Files.syncFolder(folder) }
            }
            state.withLock { state in
                state.reservedBytes -= bytes
                state.clock += 1
                if state.entries[id] == nil {
                    state.storedBytes += bytes
                    state.entries[id] = Entry(bytes: bytes, lastUse: state.clock, stay: state.clock)
                }
                state.entries[id]!.lastUse = state.clock
                state.entries[id]!.isVerified = true
            }
        }
    }

    // MARK: - Getting

    package func contains(_ id: BlobID) -> Bool {
        use == .reader ? Files.facts(path(of: id)) != nil : state.withLock { $0.entries[id] != nil }
    }

    /// In bytes; nil when the blob is not here.
    package func size(of id: BlobID) -> Int? {
        use == .reader ? Files.facts(path(of: id))?.bytes : state.withLock { $0.entries[id]?.bytes }
    }

    /// The blob's bytes, checked against its name the first time.
    package func map(_ id: BlobID) throws(BlobError) -> MappedBlob {
        // Counted as used before it is opened, so that nobody evicts it in between.
        let entry: Entry? = state.withLock { state in
            state.clock += 1
            if use == .reader, state.entries[id] == nil {
                state.entries[id] = Entry(bytes: 0, lastUse: 0, stay: state.clock)
            }
            state.entries[id]?.lastUse = state.clock
            state.entries[id]?.users += 1
            return state.entries[id]
        }
        guard let entry else { throw File.missing(path(of: id)) }
        let release: @Sendable () -> Void = { [self] in
            state.withLock { state in
                if state.entries[id]?.stay == entry.stay { state.entries[id]!.users -= 1 }
            }
        }
        let blob: MappedBlob
        do throws(BlobError) {
            let file = try File(path(of: id), O_RDONLY, doing: "reading")
            blob = try MappedBlob(id, file, release: release)
        } catch {
            release()
            if error.kind == .missing { forget(id) }
            throw error
        }
        if case .cache = use { Files.touch(path(of: id)) }
        guard verifies, !entry.isVerified else { return blob }
        guard blob.hasItsName else { throw setAside(id) }
        state.withLock { $0.entries[id]?.isVerified = true }
        return blob
    }

    package func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        do throws(BlobError) { return try map(blob).array } catch { throw JobError(error.description) }
    }

    /// Part of a blob, for a worker that fetches it piece by piece. Not checked here: the worker checks the whole.
    /// - Returns: `count` bytes from `offset`, fewer at the end.
    package func chunk(of id: BlobID, at offset: Int, count: Int) throws(BlobError) -> [UInt8] {
        guard let size = size(of: id) else { throw File.missing(path(of: id)) }
        guard offset >= 0, count >= 0, offset <= size else {
            throw BlobError(.wrongUse, "\(count) bytes at \(offset) of a blob of \(size)")
        }
        touch(id)
        return try File(path(of: id), O_RDONLY, doing: "reading").read(at: offset, count: min(count, size - offset))
    }

    // MARK: - Forgetting

    /// Removes a blob. Whoever has it mapped keeps the bytes until done.
    package func remove(_ id: BlobID) throws(BlobError) {
        precondition(use != .reader, "a reader removes nothing")
        try placing.withLock { _ throws(BlobError) in
            forget(id)
            try Files.remove(path(of: id))
        }
    }

    /// Everything stored, in bytes. For owners and caches.
    package var storedBytes: Int { state.withLock { $0.storedBytes } }
    /// Names of everything stored, ascending. For owners and caches.
    package var ids: [BlobID] { state.withLock { $0.entries.keys.sorted() } }

    /// Reserves room, evicting what was not used for longest. `settle` uses it up; else give it back.
    func makeRoom(for bytes: Int) throws(BlobError) {
        precondition(use != .reader, "a reader stores nothing")
        guard case .cache(let limit) = use else { return state.withLock { $0.reservedBytes += bytes } }
        try placing.withLock { _ throws(BlobError) in
            let (evicted, hasRoom) = state.withLock { $0.evict(for: bytes, limit: limit) }
            for id in evicted { try Files.remove(path(of: id)) }
            guard hasRoom else {
                throw BlobError(
                    .full,
                    "no room for \(bytes) bytes: the \(limit) bytes of \(folder) are in use; raise blob_cache_megabytes"
                )
            }
        }
    }

    private func forget(_ id: BlobID) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: id) else { return }
            state.storedBytes -= entry.bytes
        }
    }

    private func touch(_ id: BlobID) {
        state.withLock { state in
            state.clock += 1
            state.entries[id]?.lastUse = state.clock
        }
    }

    /// The blob is not what its name says: out of the way with it, so that a good one can take its place.
    private func setAside(_ id: BlobID) -> BlobError {
        placing.withLock { _ in
            forget(id)
            if use == .owner {
                _ = unsafe rename(path(of: id), path(of: id) + ".corrupt")
            } else if use != .reader {
                _ = unsafe unlink(path(of: id))
            }
        }
        return BlobError(.corrupt, "\(path(of: id)): the bytes do not match the name; put or fetch the blob again")
    }

    // MARK: - Places

    package func path(of id: BlobID) -> String {
        let name = id.description
        return "\(folder)/\(name.prefix(2))/\(name)"
    }

    /// Every blob of a folder with its size, least recently changed first.
    private static func scan(_ folder: String) -> [(id: BlobID, bytes: Int)] {
        var found: [(id: BlobID, bytes: Int, changed: Int64)] = []
        for place in Files.names(in: folder) where place.utf8.count == 2 {
            for name in Files.names(in: "\(folder)/\(place)") where name.hasPrefix(place) {
                guard let id = BlobID(name), id.description == name,
                    let facts = Files.facts("\(folder)/\(place)/\(name)")
                else { continue }
                found.append((id, facts.bytes, facts.changed))
            }
        }
        return found.sorted { ($0.changed, $0.id) < ($1.changed, $1.id) }.map { ($0.id, $0.bytes) }
    }

    private static func lock(_ path: String) throws(BlobError) -> Int32 {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("opening", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw BlobError(.system, "\(path): another process has these blobs open; stop it, or give another folder")
        }
        return descriptor
    }
}

extension BlobStore.State {
    /// Reserves `bytes`, dropping the least recently used that nobody uses until they fit.
    /// - Returns: whose files are to be removed, and whether there is room now.
    fileprivate mutating func evict(for bytes: Int, limit: Int) -> (evicted: [BlobID], hasRoom: Bool) {
        var excess = storedBytes + reservedBytes + bytes - limit
        var evicted: [BlobID] = []
        // A blob that can never fit does not empty the cache.
        if excess > 0, bytes + reservedBytes <= limit {
            // A little more than needed, so that a full cache does not sort itself for every blob.
            excess += limit / 16
            let oldest = entries.filter { $0.value.users == 0 }.sorted { $0.value.lastUse < $1.value.lastUse }
            for (id, entry) in oldest where excess > 0 {
                excess -= entry.bytes
                storedBytes -= entry.bytes
                entries[id] = nil
                evicted.append(id)
            }
        }
        let hasRoom = storedBytes + reservedBytes + bytes <= limit
        if hasRoom { reservedBytes += bytes }
        return (evicted, hasRoom)
    }
}
