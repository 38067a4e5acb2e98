import Blobs
import Foundation
import Messages
import TestSupport
import Testing

@testable import WorkerShell

/// A thread that asks for one blob, and what it got.
private final class Asker: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var answer: Result<[UInt8], JobError>?
    init(_ desk: BlobDesk, _ blob: BlobID) {
        Thread.detachNewThread { [self] in
            do throws(JobError) { answer = .success(try desk.bytes(of: blob)) } catch { answer = .failure(error) }
            done.signal()
        }
        while desk.next != blob { usleep(100) }
    }
    func result() throws -> Result<[UInt8], JobError> {
        #expect(done.wait(timeout: .now() + 10) == .success, "the thread still waits for its blob")
        return try #require(answer)
    }
}

private struct Setup {
    let folder = NSTemporaryDirectory() + "apex-fetch-" + UUID().uuidString
    let desk: BlobDesk
    let fetcher: BlobFetcher
    init() {
        desk = BlobDesk(cacheFolder: folder) {}
        fetcher = BlobFetcher(desk)
    }
    /// What is asked for at `now`.
    func asked(at now: Int64 = 0) -> [Int] {
        var offsets: [Int] = []
        fetcher.ask(at: now) { message in
            if case .wantBlob(_, let offset, let count) = message {
                #expect(count == UInt32(BlobFetcher.chunkBytes))
                offsets.append(Int(offset))
            }
            return true
        }
        return offsets
    }
    func serve(_ bytes: [UInt8], as id: BlobID, _ offsets: [Int], at now: Int64 = 0) {
        for offset in offsets {
            let chunk = Array(bytes[offset..<min(offset + BlobFetcher.chunkBytes, bytes.count)])
            fetcher.received(id, offset: UInt64(offset), total: UInt64(bytes.count), chunk, at: now)
        }
    }
}

private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SplitMix(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}

@Suite(.serialized) struct BlobFetcherTests {
    private let chunk = BlobFetcher.chunkBytes

    @Test func `a blob comes in chunks, eight under way at most`() throws {
        let setup = Setup()
        defer { try? FileManager.default.removeItem(atPath: setup.folder) }
        let data = bytes(20 * chunk + 5, seed: 1)
        let id = BlobID(of: data)
        let asker = Asker(setup.desk, id)
        #expect(setup.asked() == [0])  // how long it is, nobody knows yet
        setup.serve(data, as: id, [0])
        var open = setup.asked()
        #expect(open == (1...8).map { $0 * chunk })
        var largest = open.count
        while !open.isEmpty {
            setup.serve(data, as: id, [open.removeFirst()])
            open += setup.asked()
            largest = max(largest, open.count)
        }
        #expect(largest == BlobFetcher.credit)
        #expect(try asker.result() == .success(data))
        // From the cache the second time.
        #expect(try setup.desk.bytes(of: id) == data)
    }

    @Test func `a damaged blob is refused and fetched again, a hopeless one given up`() throws {
        let setup = Setup()
        defer { try? FileManager.default.removeItem(atPath: setup.folder) }
        let data = bytes(3 * chunk, seed: 2)
        let id = BlobID(of: data)
        var damaged = data
        damaged[chunk + 7] ^= 1
        let asker = Asker(setup.desk, id)
        _ = setup.asked()
        setup.serve(damaged, as: id, [0, chunk, 2 * chunk])
        #expect(setup.asked() == [0])  // from the start
        setup.serve(data, as: id, [0])
        setup.serve(data, as: id, setup.asked())
        #expect(try asker.result() == .success(data))

        let other = BlobID(of: [1, 2, 3])
        let hopeless = Asker(setup.desk, other)
        for _ in 0..<BlobFetcher.attempts {
            #expect(setup.asked() == [0])
            setup.serve([3, 2, 1], as: other, [0])
        }
        guard case .failure(let error) = try hopeless.result() else {
            Issue.record("it was believed")
            return
        }
        #expect(error.description.contains("\(other)"))
    }

    @Test func `a broken connection costs the chunks under way, and silence asks again`() throws {
        let setup = Setup()
        defer { try? FileManager.default.removeItem(atPath: setup.folder) }
        let data = bytes(4 * chunk, seed: 3)
        let id = BlobID(of: data)
        let asker = Asker(setup.desk, id)
        #expect(setup.asked() == [0])
        setup.serve(data, as: id, [0])
        #expect(setup.asked() == [chunk, 2 * chunk, 3 * chunk])
        setup.serve(data, as: id, [chunk])
        setup.fetcher.reconnected()
        #expect(setup.asked() == [2 * chunk, 3 * chunk])
        #expect(setup.asked(at: 1999) == [])
        #expect(setup.asked(at: 2000) == [2 * chunk, 3 * chunk])
        // Out of order, of another length, twice: nothing breaks.
        setup.serve(data, as: id, [3 * chunk, 0], at: 2000)
        setup.fetcher.received(id, offset: 0, total: 7, [1], at: 2000)
        setup.fetcher.received(id, offset: .max, total: .max, [1], at: 2000)
        setup.serve(data, as: id, [2 * chunk, 3 * chunk], at: 2000)
        #expect(try asker.result() == .success(data))
    }

    @Test func `a missing blob fails its task, an empty one is a blob, a leaving worker waits for none`() throws {
        let setup = Setup()
        defer { try? FileManager.default.removeItem(atPath: setup.folder) }
        let missing = BlobID(of: [9])
        let asker = Asker(setup.desk, missing)
        _ = setup.asked()
        setup.fetcher.missing(BlobID(of: [8]))  // of another: nothing
        setup.fetcher.missing(missing)
        guard case .failure(let error) = try asker.result() else {
            Issue.record("it was found")
            return
        }
        #expect(error.description.contains("not at the coordinator"))
        let empty = BlobID(of: [])
        let second = Asker(setup.desk, empty)
        _ = setup.asked()
        setup.serve([], as: empty, [0])
        #expect(try second.result() == .success([]))
        let third = Asker(setup.desk, missing)
        setup.desk.close()
        guard case .failure = try third.result() else {
            Issue.record("it was found")
            return
        }
    }
}
