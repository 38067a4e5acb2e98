import Foundation
import Testing
import ZeroMQ

/// Messages that travel in parts, and the lines that tell of trouble.
struct PartsTests {
    private let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `a message of any length arrives as it was sent, in order, both ways`() throws {
        let options = SocketOptions.messages(upTo: 16 << 20)
        let router = try Socket(.router, options: options)
        let dealer = try Socket(.dealer, options: options)
        try router.bind(folder.ipc)
        try dealer.connect(folder.ipc)
        let part = SocketOptions.usualPartBytes
        let counts = [0, 1, part - 1, part, part + 1, 3 * part, 16 << 20]
        for (at, count) in counts.enumerated() {
            let frame = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ at) }
            try dealer.sendSoon([frame])
            let message = try router.next()
            #expect(message.frames == [frame])
            #expect(try router.send([frame], to: message.peer) == .sent)
            #expect(try dealer.next().frames == [frame])
        }
        #expect(throws: ZeroMQError.self) { try dealer.send([[UInt8](repeating: 0, count: 16 << 20 + 1)]) }
    }

    @Test func `a message in scraps, or one that is too long, is refused, and the next one heard`() throws {
        let options = SocketOptions.messages(upTo: 1 << 20)
        let router = try Socket(.router, options: options)
        var free = SocketOptions()
        free.maximumFrames = .max
        free.maximumMessageBytes = .max
        let dealer = try Socket(.dealer, options: free)
        try router.bind(folder.ipc)
        try dealer.connect(folder.ipc)
        let part = [UInt8](repeating: 3, count: SocketOptions.usualPartBytes)
        for (frames, reason) in [
            ([[1], [2]], .tooManyFrames), (Array(repeating: part, count: 17), .tooManyBytes),
            ([part, [1], part], .tooManyFrames),
        ] as [([[UInt8]], Refusal.Reason)] {
            try dealer.sendSoon(frames)
            guard case .refused(let refusal) = try eventually("refusal", { try router.receive() }) else {
                throw Late(what: "refusal")
            }
            #expect(refusal.reason == reason)
            try dealer.sendSoon([[9]])
            #expect(try router.next().frames == [[9]])
        }
    }

    @Test func `a stranger that announces more than a part is cut before it has sent it`() throws {
        var options = SocketOptions.messages(upTo: 16 << 20)
        options.security = .server(try KeyPair())
        let router = try Socket(.router, options: options)
        try router.bind("tcp://127.0.0.1:*")
        let small = try RawConnection(router.lastEndpoint)
        #expect(small.greet("CURVE"))
        #expect(small.write(header(4, SocketOptions.usualPartBytes) + [1, 2, 3]) == 12)
        let giant = try RawConnection(router.lastEndpoint)
        #expect(giant.greet("CURVE"))
        giant.write(header(4, 1 << 20) + [1, 2, 3])
        #expect(giant.isClosed())
        #expect(!small.isClosed())  // waited for as long as a handshake may take
    }

    @Test func `trouble is told a few times at once, then now and then, and what was left out is counted`() {
        var budget = LineBudget()
        let start = ContinuousClock.now
        let told = (0..<100).compactMap { budget.tells(at: start + .milliseconds($0)) }
        #expect(told == Array(repeating: 0, count: LineBudget.atOnce))
        #expect(budget.rest(at: start + .seconds(5)) == nil)
        #expect(budget.rest(at: start + .seconds(11)) == 100 - LineBudget.atOnce)
        #expect(budget.rest(at: start + .seconds(12)) == nil)
        // An hour of it: one line every ten seconds, and nothing is lost.
        var (lines, counted) = (0, 0)
        for second in 0..<3600 {
            guard let unreported = budget.tells(at: start + .seconds(20 + second)) else { continue }
            lines += 1
            counted += 1 + unreported
        }
        #expect((350...366).contains(lines))
        #expect(counted + budget.unreported == 3600)
    }
}
