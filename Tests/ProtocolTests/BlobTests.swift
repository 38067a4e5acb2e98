import Blobs
import Foundation
import Messages
import TestSupport
import Testing

struct BlobTests {
    let folder: Folder
    init() throws { folder = try Folder() }
    var place: String { folder.file("blobs") }

    private func random(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SplitMix(seed: seed)
        var words: [UInt64] = []
        for _ in 0..<(count + 7) / 8 { words.append(generator.next()) }
        return unsafe words.withUnsafeBytes { unsafe Array($0.prefix(count)) }
    }
    private func temporaries() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: place + "/tmp")) ?? []
    }
    private func overwrite(_ path: String, with bytes: [UInt8]) throws {
        _ = unsafe chmod(path, 0o600)
        try Data(bytes).write(to: URL(fileURLWithPath: path), options: [])
    }

    // MARK: - Names

    @Test func `a blob's name is BLAKE2b-256`() {
        // Source: the reference implementation's b2sum -l 256 of nothing and of "abc".
        #expect(
            BlobID(of: []).description == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8")
        #expect(
            BlobID(of: Array("abc".utf8)).description
                == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
    }

    @Test(arguments: seeds(20)) func `bytes in pieces have the same name as whole`(seed: UInt64) {
        var generator = SplitMix(seed: seed)
        let bytes = random(Int.random(in: 0...5000, using: &generator), seed: seed)
        var hasher = BlobHasher()
        var at = 0
        while at < bytes.count {
            let end = min(bytes.count, at + Int.random(in: 0...700, using: &generator))
            hasher.update(Array(bytes[at..<end]))
            at = end
        }
        #expect(hasher.finish() == BlobID(of: bytes))
    }

    // MARK: - Storing

    @Test(arguments: [BlobStore.Use.owner, .cache(limitBytes: 1 << 20)])
    func `what was put is there, again after reopening`(use: BlobStore.Use) throws {
        let blobs = [[], [7], random(100_000, seed: 1)]
        var ids: [BlobID] = []
        do {
            let store = try BlobStore(place, as: use)
            for bytes in blobs { ids.append(try store.put(bytes)) }
            #expect(store.storedBytes == 100_001)
        }
        let store = try BlobStore(place, as: use)
        #expect(store.ids == ids.sorted() && store.storedBytes == 100_001)
        for (id, bytes) in zip(ids, blobs) {
            #expect(store.contains(id) && store.size(of: id) == bytes.count)
            let blob = try store.map(id)
            #expect(blob.array == bytes && blob.count == bytes.count)
            #expect(blob.withBytes { $0.byteCount } == bytes.count)
            #expect(try store.bytes(of: id) == bytes)
        }
        try store.remove(ids[2])
        #expect(!store.contains(ids[2]) && store.storedBytes == 1)
        #expect(throws: BlobError.self) { try store.map(ids[2]) }
        #expect(throws: JobError.self) { try store.bytes(of: ids[2]) }
    }

    @Test func `putting the same again writes nothing`() throws {
        let store = try BlobStore(place)
        let id = try store.put([1, 2, 3])
        let path = store.path(of: id)
        let before = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        #expect(try store.put([1, 2, 3]) == id)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == before)
        #expect(store.storedBytes == 3 && temporaries() == [])
    }

    @Test func `a mapping outlives the blob's removal`() throws {
        let store = try BlobStore(place)
        let bytes = random(10_000, seed: 3)
        let id = try store.put(bytes)
        let blob = try store.map(id)
        try store.remove(id)
        #expect(blob.array == bytes)
    }

    @Test func `a crash's unfinished files are cleared away at the next start`() throws {
        do {
            let store = try BlobStore(place)
            try store.put([1])
        }
        try Data([9, 9]).write(to: URL(fileURLWithPath: place + "/tmp/77"))
        try Data([9]).write(to: URL(fileURLWithPath: place + "/tmp/\(BlobID(of: [1, 2])).part"))
        try Data([9]).write(to: URL(fileURLWithPath: place + "/stray"))
        let store = try BlobStore(place)
        #expect(temporaries() == [])
        #expect(store.ids == [BlobID(of: [1])])
    }

    @Test func `a folder has one owner, and any number of readers`() throws {
        let bytes = random(1000, seed: 4)
        let owner = try BlobStore(place)
        let error = #expect(throws: BlobError.self) { try BlobStore(place) }
        #expect(error?.description.contains("another process") == true)
        let reader = try BlobStore(place, as: .reader)
        let id = BlobID(of: bytes)
        #expect(!reader.contains(id) && reader.size(of: id) == nil)
        #expect(throws: BlobError.self) { try reader.map(id) }
        try owner.put(bytes)
        #expect(reader.contains(id) && reader.size(of: id) == 1000)
        #expect(try reader.map(id).array == bytes)
        #expect(try reader.chunk(of: id, at: 990, count: 100) == Array(bytes[990...]))
    }

    @Test func `chunks cover the blob and nothing else`() throws {
        let store = try BlobStore(place)
        let bytes = random(1000, seed: 5)
        let id = try store.put(bytes)
        var whole: [UInt8] = []
        while whole.count < 1000 { whole += try store.chunk(of: id, at: whole.count, count: 333) }
        #expect(whole == bytes)
        #expect(try store.chunk(of: id, at: 1000, count: 5) == [])
        #expect(try store.map(id).chunk(at: 995, count: 100) == Array(bytes[995...]))
        #expect(throws: BlobError.self) { try store.chunk(of: id, at: 1001, count: 1) }
        #expect(throws: BlobError.self) { try store.chunk(of: id, at: -1, count: 1) }
        #expect(throws: BlobError.self) { try store.chunk(of: BlobID(of: [8]), at: 0, count: 1) }
    }

    // MARK: - Damage

    @Test(arguments: [BlobStore.Use.owner, .cache(limitBytes: 1 << 20)])
    func `a damaged blob is found out, set aside and repaired by putting it again`(use: BlobStore.Use) throws {
        let bytes = random(5000, seed: 6)
        let id: BlobID
        do { id = try BlobStore(place, as: use).put(bytes) }
        let store = try BlobStore(place, as: use)
        var damaged = bytes
        damaged[4321] ^= 1
        try overwrite(store.path(of: id), with: damaged)
        let error = #expect(throws: BlobError.self) { try store.map(id) }
        #expect(error?.kind == .corrupt)
        #expect(!store.contains(id))
        #expect(FileManager.default.fileExists(atPath: store.path(of: id) + ".corrupt") == (use == .owner))
        try store.put(bytes)
        #expect(try store.map(id).array == bytes)
    }

    @Test func `a blob cut short by a power cut is found out`() throws {
        let bytes = random(5000, seed: 7)
        let id: BlobID
        do { id = try BlobStore(place).put(bytes) }
        let store = try BlobStore(place)
        try overwrite(store.path(of: id), with: Array(bytes[..<4096]))
        #expect(throws: BlobError.self) { try store.map(id) }
        let trusting = folder.file("trusting")
        do { try BlobStore(trusting).put(bytes) }
        let careless = try BlobStore(trusting, verifies: false)
        try overwrite(careless.path(of: id), with: [1])
        #expect(try careless.map(id).array == [1])  // what `verifies: false` means
    }

    @Test func `what the disk refuses is said in words`() throws {
        #expect(throws: BlobError(.system, "making the folder /proc/nowhere: No such file or directory")) {
            try BlobStore("/proc/nowhere")
        }
        let store = try BlobStore(place)
        // Everything written to /dev/full fails as on a full disk.
        let id = BlobID(of: [1, 2])
        _ = unsafe symlink("/dev/full", "\(place)/tmp/\(id).part")
        let assembly = try #require(try store.assemble(id, totalBytes: 2))
        let full = #expect(throws: BlobError.self) { try assembly.append([1, 2], at: 0) }
        #expect(full?.description.contains("the disk is full; free some space") == true)
        #expect(assembly.receivedBytes == 0)
        try FileManager.default.removeItem(atPath: place + "/tmp")
        let error = #expect(throws: BlobError.self) { try store.put([1]) }
        #expect(error?.description.isEmpty == false)
        #expect(!store.contains(BlobID(of: [1])) && store.storedBytes == 0)
    }

    // MARK: - Assembling

    @Test(arguments: seeds(20)) func `chunks become the blob, across interruptions and repetitions`(seed: UInt64) throws
    {
        var generator = SplitMix(seed: seed)
        let bytes = random(Int.random(in: 0...50_000, using: &generator), seed: seed)
        let id = BlobID(of: bytes)
        let store = try BlobStore(place, as: .cache(limitBytes: 1 << 20))
        while !store.contains(id) {
            let assembly = try #require(try store.assemble(id, totalBytes: bytes.count))
            for _ in 0..<5 where !assembly.isComplete {
                let start = max(0, assembly.receivedBytes - Int.random(in: 0...100, using: &generator))
                let end = min(bytes.count, start + Int.random(in: 1...9000, using: &generator))
                try assembly.append(Array(bytes[start..<end]), at: start)
            }
            if assembly.isComplete { try assembly.finish() }
        }
        #expect(try store.map(id).array == bytes)
        #expect(try store.assemble(id, totalBytes: bytes.count) == nil)
        #expect(temporaries() == [] && store.storedBytes == bytes.count)
    }

    @Test func `chunks that are not the blob are thrown away at its end`() throws {
        let store = try BlobStore(place)
        let id = BlobID(of: [1, 2, 3, 4])
        do {
            let assembly = try #require(try store.assemble(id, totalBytes: 4))
            #expect(throws: BlobError.self) { try store.assemble(id, totalBytes: 4) }  // one at a time
            #expect(throws: BlobError.self) { try assembly.append([3], at: 2) }  // a gap
            #expect(throws: BlobError.self) { try assembly.append([1, 2, 3, 4, 5], at: 0) }  // too much
            #expect(throws: BlobError.self) { try assembly.append([1], at: -1) }
            #expect(throws: BlobError.self) { try assembly.finish() }  // too early
            try assembly.append([1, 2, 3, 5], at: 0)
            let error = #expect(throws: BlobError.self) { try assembly.finish() }
            #expect(error?.kind == .corrupt)
        }
        #expect(!store.contains(id) && temporaries() == [] && store.storedBytes == 0)
        let again = try #require(try store.assemble(id, totalBytes: 4))
        #expect(again.receivedBytes == 0)
        try again.append([1, 2, 3, 4], at: 0)
        try again.finish()
        #expect(try store.map(id).array == [1, 2, 3, 4])
    }

    // MARK: - Threads and limits

    @Test func `two threads put the same blobs, and each is there once`() async throws {
        let store = try BlobStore(place)
        let blobs = (0..<100).map { random(3000, seed: $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { for bytes in blobs { try store.put(bytes) } } }
            try await group.waitForAll()
        }
        #expect(store.storedBytes == 300_000 && store.ids == blobs.map { BlobID(of: $0) }.sorted())
        #expect(temporaries() == [])
        for bytes in blobs { #expect(try store.map(BlobID(of: bytes)).array == bytes) }
    }

    @Test(arguments: seeds(20)) func `a cache stays within its limit and evicts the oldest, never one in use`(
        seed: UInt64
    )
        throws
    {
        var generator = SplitMix(seed: seed)
        let limit = 100_000
        let store = try BlobStore(place, as: .cache(limitBytes: limit))
        let held = try store.map(store.put(random(10_000, seed: 999)))
        for round in 0..<100 {
            let bytes = random(Int.random(in: 0...20_000, using: &generator), seed: seed &* 1000 &+ UInt64(round))
            let id = try store.put(bytes)
            #expect(store.storedBytes <= limit)
            #expect(store.contains(id) && store.contains(held.id))
        }
        let onDisk = try FileManager.default.subpathsOfDirectory(atPath: place).filter { $0.count == 67 }
        #expect(onDisk.count == store.ids.count)
        #expect(held.array == random(10_000, seed: 999))
    }

    @Test(arguments: [BlobStore.Use.owner, .cache(limitBytes: 20_000)])
    func `threads that put, map, assemble and remove the same blobs leave folder and books in agreement`(
        use: BlobStore.Use
    ) async throws {
        let store = try BlobStore(place, as: use)
        let blobs = (0..<12).map { random(3000, seed: $0) }
        let rounds = use == .owner ? 60 : 400  // an owner waits for the disk
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 0..<3 as Range<UInt64> {
                group.addTask {
                    var generator = SplitMix(seed: seed)
                    for _ in 0..<rounds {
                        let bytes = blobs.randomElement(using: &generator)!
                        let id = BlobID(of: bytes)
                        do throws(BlobError) {
                            switch generator.next() % 4 {
                            case 0: try store.put(bytes)
                            case 1:
                                let blob = try store.map(id)
                                #expect(blob.array == bytes)
                            case 2:
                                guard let assembly = try store.assemble(id, totalBytes: bytes.count) else { continue }
                                try assembly.append(Array(bytes[..<1000]), at: 0)
                                if generator.next() & 1 == 0 { continue }
                                try assembly.append(bytes, at: 0)
                                try assembly.finish()
                            default: try store.remove(id)
                            }
                        } catch {
                            // Removed by another thread, being assembled by one, or no room beside what they hold.
                            #expect([.missing, .wrongUse, .full].contains(error.kind), "\(error)")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let onDisk = try FileManager.default.subpathsOfDirectory(atPath: place).filter { $0.count == 67 }
        #expect(onDisk.sorted() == store.ids.map { "\($0.description.prefix(2))/\($0)" }.sorted())
        #expect(store.storedBytes == store.ids.count * 3000)
        for id in store.ids { _ = try store.map(id) }
        // Nothing stays reserved: the whole limit can be filled again.
        if use != .owner { for seed in 100..<106 as Range<UInt64> { try store.put(random(3000, seed: seed)) } }
    }

    @Test func `the blob used last stays`() throws {
        let store = try BlobStore(place, as: .cache(limitBytes: 1000))
        let ids = try (0..<9 as Range<UInt8>).map { try store.put(Array(repeating: $0, count: 100)) }
        _ = try store.map(ids[0])
        try store.put(Array(repeating: 77, count: 200))
        #expect(store.contains(ids[0]) && !store.contains(ids[1]))
    }

    @Test func `a cache full of blobs in use says so, and goes on when they are let go`() throws {
        let store = try BlobStore(place, as: .cache(limitBytes: 1000))
        var held: MappedBlob? = try store.map(store.put(Array(repeating: 1, count: 900)))
        let error = #expect(throws: BlobError.self) { try store.put(Array(repeating: 2, count: 200)) }
        #expect(error?.kind == .full && held?.count == 900)
        #expect(throws: BlobError.self) { try store.assemble(BlobID(of: [5]), totalBytes: 200) }
        #expect(throws: BlobError.self) { try store.put(Array(repeating: 2, count: 2000)) }
        #expect(store.contains(held!.id))
        held = nil
        try store.put(Array(repeating: 2, count: 200))
        #expect(store.storedBytes == 200)
    }

    @Test func `a cache opened with a smaller limit shrinks to it`() throws {
        do {
            let store = try BlobStore(place, as: .cache(limitBytes: 10_000))
            for byte in 0..<10 as Range<UInt8> { try store.put(Array(repeating: byte, count: 1000)) }
        }
        #expect(try BlobStore(place, as: .cache(limitBytes: 3000)).storedBytes <= 3000)
    }
}
