import CLinux
import CoordinatorCore
import Foundation
import Messages
import ZeroMQ

/// What peers do wrong: told in a few lines however often it happens, and paid for with the connection.
struct Offences {
    /// Lines of one kind in one second; the rest are counted, and told with the next line.
    private static let linesPerSecond = 5
    /// Messages that cannot be read, or may not be said, until the connection is cut: an honest peer of another
    /// version or role is told why first.
    private static let patience = 3

    private let log: EventLog
    private var second = ContinuousClock.now
    private var lines = 0
    private var unreported = 0
    /// Connections that have offended, and how often; and those that were cut for it.
    private var strikes: [UInt64: Int] = [:]
    private var cut: Set<UInt64> = []
    private var flow = Flow()
    /// Messages of each connection in this batch, requests apart.
    private var counts: [UInt64: (messages: Int, requests: Int)] = [:]
    /// An honest command waits for each answer; an honest worker has at most 64 messages of results under way.
    private static let requestsPerBatch = 64
    private static let messagesPerBatch = 256

    init(_ log: EventLog) { self.log = log }

    /// - Parameters:
    ///   - connection: what answers are addressed to; never used twice, unlike a descriptor.
    ///   - seat: of a TCP connection; nil for ipc, where everybody is the same user.
    mutating func note(_ what: String, _ connection: UInt64?, _ seat: Seat?, from speaker: Speaker = .nobody) {
        tell("message_refused", [("what", "\"\(what.prefix(200))\""), ("from", speaker.name)])
        guard let connection, let seat else { return }
        strikes[connection, default: 0] += 1
        guard strikes[connection]! >= Self.patience else { return }
        strikes[connection] = nil
        cut.insert(connection)
        seat.cut()
    }

    /// Whether this connection was cut: what it sent before may still lie here, and is not listened to.
    func wasCut(_ connection: UInt64) -> Bool { !cut.isEmpty && cut.contains(connection) }

    /// Counts what a connection brought: see `Flow`.
    mutating func heard(_ message: Message) { flow.shown(message) }
    /// Counts what goes to a connection.
    mutating func sent(_ bytes: Int, to descriptor: Int32) { flow.sent(bytes, to: descriptor) }

    /// Nobody fills a batch alone: what one connection says beyond its share in one is not listened to. Workers say
    /// again what was not accepted, and commands ask again.
    /// - Returns: whether this message is within its connection's share.
    mutating func isWithinShare(_ message: Inbound, _ connection: UInt64) -> Bool {
        var count = counts[connection] ?? (0, 0)
        if case .request = message { count.requests += 1 } else { count.messages += 1 }
        counts[connection] = count
        return count.requests <= Self.requestsPerBatch && count.messages <= Self.messagesPerBatch
    }

    /// Cuts whoever sends what never becomes a whole message, or more than anybody reads, or asks without reading.
    /// - Parameter isDrained: every whole message that came was taken.
    mutating func endBatch(_ monitor: Monitor, isDrained: Bool) {
        for excess in flow.excesses(of: monitor, isDrained: isDrained) {
            Connections.cut(excess.descriptor)
            tell("connection_cut", [("why", "\"\(excess.why)\"")])
        }
        // Of connections long gone.
        if strikes.count > 1 << 16 { strikes = [:] }
        if cut.count > 1 << 16 { cut = [] }
        counts.removeAll(keepingCapacity: true)
    }

    private mutating func tell(_ event: String, _ fields: [(String, String)]) {
        let now = ContinuousClock.now
        if now - second >= .seconds(1) {
            second = now
            lines = 0
        }
        guard lines < Self.linesPerSecond else {
            unreported += 1
            return
        }
        lines += 1
        log.write(LogLine(.warning, event, fields + [("unreported", "\(unreported)")]))
        unreported = 0
    }
}

/// A TCP connection: its descriptor, and which of those that had this descriptor it is.
struct Seat {
    var descriptor: Int32
    var number: Int
    var monitor: Monitor
    /// Ends it, unless it ended by itself and another has its descriptor.
    func cut() { if monitor.connection(at: descriptor) == number { Connections.cut(descriptor) } }
}
