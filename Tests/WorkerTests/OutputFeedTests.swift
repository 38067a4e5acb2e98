import Messages
import Testing

@testable import WorkerShell

/// What programs print, on its way to the coordinator.
struct OutputFeedTests {
    private func run(_ index: UInt32, epoch: Epoch = 1) -> ClaimRun {
        ClaimRun(job: JobID(1), first: index, count: 1, epoch: epoch)
    }
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `what is printed is taken a few times a second, with what was printed before it`() {
        let feed = OutputFeed(slots: 2)
        feed.printed(slot: 0, run(3), bytes("one\n").span, isError: false)
        feed.printed(slot: 0, run(3), bytes("two").span, isError: false)
        feed.printed(slot: 1, run(4), bytes("oh\n").span, isError: true)
        let first = feed.take(at: 1000)
        #expect(first.contains(TaskOutput(run: run(3), isError: false, offset: 0, bytes: bytes("one\ntwo"))))
        #expect(first.contains(TaskOutput(run: run(4), isError: true, offset: 0, bytes: bytes("oh\n"))))
        feed.printed(slot: 0, run(3), bytes("!\n").span, isError: false)
        #expect(feed.take(at: 1100) == [])
        #expect(feed.take(at: 1250) == [TaskOutput(run: run(3), isError: false, offset: 7, bytes: bytes("!\n"))])
        #expect(feed.take(at: 9000) == [])
    }

    @Test func `a program that prints for ever sends no more than its share, and the newest of it`() throws {
        let feed = OutputFeed(slots: 3)
        let much = [UInt8](repeating: 65, count: 1 << 20)
        var sent = 0
        var last: TaskOutput?
        let seconds: Int64 = 20
        for turn in 0..<seconds * 10 {
            for slot in 0..<3 { feed.printed(slot: slot, run(UInt32(slot)), much.span, isError: slot == 1) }
            let parts = feed.take(at: 1000 + turn * 100)
            #expect(parts.allSatisfy { $0.bytes.count <= OutputFeed.waitingBytes })
            sent += parts.reduce(0) { $0 + $1.bytes.count }
            last = parts.last ?? last
        }
        #expect(sent <= Int(OutputFeed.bytesPerSecond * (seconds + 1)), "\(sent)")
        #expect(sent > Int(OutputFeed.bytesPerSecond * (seconds - 2)) / 2, "\(sent)")
        let part = try #require(last)
        #expect(part.offset > UInt64(seconds - 2) * 10 << 20)
    }

    @Test func `of a task that is over what its result does not keep is sent at once`() {
        let feed = OutputFeed(slots: 1)
        #expect(feed.take(at: 1000) == [])
        // Done before anybody looked: its result tells all.
        feed.printed(slot: 0, run(0), bytes("quick\n").span, isError: false)
        feed.ended(slot: 0, isKept: true)
        #expect(feed.take(at: 1001) == [])
        // It failed in the middle of a line.
        feed.printed(slot: 0, run(1), bytes("half a li").span, isError: false)
        feed.ended(slot: 0, isKept: false)
        #expect(feed.take(at: 1002) == [TaskOutput(run: run(1), isError: false, offset: 0, bytes: bytes("half a li"))])
        // Followed already: the end comes the same way.
        feed.printed(slot: 0, run(2), bytes("a").span, isError: false)
        #expect(feed.take(at: 2000).count == 1)
        feed.printed(slot: 0, run(2), bytes("b").span, isError: false)
        feed.ended(slot: 0, isKept: true)
        #expect(feed.take(at: 2001) == [TaskOutput(run: run(2), isError: false, offset: 1, bytes: bytes("b"))])
        // Ten thousand that fail at once cost no more than others.
        for index in 0..<10_000 as Range<UInt32> {
            feed.printed(slot: 0, run(index), [UInt8](repeating: 7, count: 4000).span, isError: true)
            feed.ended(slot: 0, isKept: false)
        }
        #expect(feed.take(at: 2002).reduce(0) { $0 + $1.bytes.count } <= Int(OutputFeed.bytesPerSecond))
    }
}
