import Foundation
import Testing
import ZeroMQ

// What libzmq really does, pinned: the traps of routing, each against our own configuration.

struct TransportRoutingTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `attack 1, a duplicate routing id, silences nobody: every connection is a peer of its own`() throws {
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        var peers: Set<Peer> = []
        var last: Peer?
        for round in 0..<20 as Range<UInt8> {
            let dealer = try Socket(.dealer)
            try dealer.connect(folder.ipc)
            try dealer.sendSoon([[round]])
            let message = try router.next()
            #expect(message.frames == [[round]])
            last = message.peer
            peers.insert(message.peer!)
            #expect(try router.send([[round]], to: message.peer!) == .sent)
            #expect(try dealer.next().frames == [[round]])
        }
        #expect(peers.count == 20)
        // Nobody takes over the name of a peer that is gone: handover is off and names are never used twice.
        _ = try eventually("end of the last peer") { try router.send([[0]], to: last!) == .unreachable ? true : nil }
    }

    @Test
    func `attack 2, a handover of a routing id: who names itself is refused, and whose name it takes is not disturbed`()
        async throws
    {
        let address = folder.ipc
        let router = try Socket(.router)
        try router.bind(address)
        let honest = try Socket(.dealer)
        try honest.connect(address)
        try honest.sendSoon([[1]])
        let peer = try router.next().peer!
        // Two clients of another make, both called "w1": the first is refused by us, the second never heard by libzmq.
        let twins = [try ForeignDealer([119, 49], address), try ForeignDealer([119, 49], address)]
        defer { withExtendedLifetime(twins) {} }  // else Swift ends them after their last use
        for twin in twins { twin.send([2]) }
        let refusal = try eventually("refusal") { try router.receive() }
        #expect(refusal == .refused(Refusal(reason: .foreignRoutingID)))
        // One that asks for the very name of the honest peer: libzmq ignores it, for handover is off.
        let thief = try ForeignDealer(
            [0] + (0..<4).map { UInt8(truncatingIfNeeded: peer.number >> (24 - 8 * $0)) }, address)
        defer { withExtendedLifetime(thief) {} }
        thief.send([3])
        for round in 0..<30 as Range<UInt8> {
            #expect(try router.send([[round]], to: peer) == .sent)
            #expect(try honest.next().frames == [[round]])
            try honest.sendSoon([[round]])
            let message = try router.next()
            #expect(message.peer == peer && message.frames == [[round]])
        }
    }

    @Test func `an unknown peer is said to be unreachable`() throws {
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        #expect(try router.send([[1], [2], [3]], to: Peer(12345)) == .unreachable)
        let dealer = try Socket(.dealer)
        try dealer.connect(folder.ipc)
        try dealer.sendSoon([[1]])
        let peer = try router.next().peer!
        #expect(try router.send([[1], [2]], to: Peer(peer.number &+ 1)) == .unreachable)
        #expect(try router.send([[7], [8]], to: peer) == .sent)
        #expect(try dealer.next().frames == [[7], [8]])  // no frame of a refused message is left behind
    }

    @Test func `without a connection a dealer would block, and says so at once`() throws {
        let dealer = try Socket(.dealer)
        try dealer.connect(folder.ipc)  // nobody listens
        let start = ContinuousClock.now
        for _ in 0..<1000 { #expect(try dealer.send([[1], [2]]) == .wouldBlock) }
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(try dealer.receive() == nil)
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        try dealer.sendSoon([[3], [4]])
        #expect(try router.next().frames == [[3], [4]])
    }

    @Test func `a hundred thousand messages go there and back without one dropped`() throws {
        let router = try Socket(.router)
        try router.bind(folder.ipc)
        let dealer = try Socket(.dealer)
        try dealer.connect(folder.ipc)
        func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        try dealer.sendSoon([bytes(0)])
        let peer = try router.next().peer!
        let count = 100_000
        // All of them before the first is read: far more than the thousand that libzmq would keep by default.
        for number in 0..<count { guard try dealer.send([bytes(number)]) == .sent else { throw Late(what: "way out") } }
        for number in 0..<count {
            let message = try router.next()
            guard message.frames == [bytes(number)] else { throw Late(what: "message \(number)") }
            guard try router.send(message.frames, to: peer) == .sent else { throw Late(what: "way back") }
        }
        for number in 0..<count {
            guard try dealer.next().frames == [bytes(number)] else { throw Late(what: "answer \(number)") }
        }
        #expect(try dealer.receive() == nil && router.receive() == nil)
    }
}
