import CLinux
import CoordinatorCore
import Foundation
import Messages
import ZeroMQ

/// What peers do wrong: told in a few lines however often it happens, and paid for with the connection.
struct Offences {
    /// Messages that cannot be read, or may not be said, until the connection is cut: an honest peer of another
    /// version or role is told why first.
    private static let patience = 3

    private let log: EventLog
    /// Of each kind, in the order in which they first happened.
    private var budgets: [(event: String, budget: LineBudget)] = []
    /// Connections that ended without a word, as far as they were told; and since when fewer than are told did.
    private var wordless = 0
    private var wordlessBudget = LineBudget()
    private var quietSince = ContinuousClock.now
    /// Fewer in one period are not told: whoever only looks whether somebody listens does no harm.
    private static let wordlessTold = 10
    /// Connections that have offended, and how often; and those that were cut for it.
    private var strikes: [UInt64: Int] = [:]
    private var cut: Set<UInt64> = []
    private var flow = Flow()
    /// How long a batch throws away what cut connections brought: others wait meanwhile. The longer, batch by batch, the
    /// longer there is more of it, so that it cannot come faster than it goes.
    private var wasteTime = shortestWaste
    private static let shortestWaste: Duration = .microseconds(50)
    private static let longestWaste: Duration = .milliseconds(10)
    /// Since when this batch does.
    private var wasteBegan: ContinuousClock.Instant?
    /// Messages of each connection in this batch: requests, and all others.
    private var counts: [UInt64: (requests: Int, messages: Int)] = [:]
    /// An honest command waits for each answer; an honest worker has at most 64 messages of results under way.
    private static let requestsPerBatch = 8
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

    /// Whether this batch may go on after a message that `wasCut` throws away.
    mutating func mayThrowMoreAway() -> Bool {
        let now = ContinuousClock.now
        let began = wasteBegan ?? now
        wasteBegan = began
        return now - began < wasteTime
    }

    /// Counts what a connection brought: see `Flow`.
    mutating func heard(_ message: Message) { flow.shown(message) }
    /// Counts what goes to a connection.
    mutating func sent(_ bytes: Int, to descriptor: Int32) { flow.sent(bytes, to: descriptor) }

    /// Nobody fills a batch alone.
    /// - Returns: whether this message is within its connection's share of this one.
    mutating func isWithinShare(_ message: Inbound, _ connection: UInt64) -> Bool {
        var count = counts[connection] ?? (0, 0)
        if case .request = message { count.requests += 1 } else { count.messages += 1 }
        counts[connection] = count
        return count.requests <= Self.requestsPerBatch && count.messages <= Self.messagesPerBatch
    }

    /// Cuts whoever sends what never becomes a whole message, or more than anybody reads, or asks without reading.
    /// - Parameter isDrained: every whole message that came was taken.
    mutating func endBatch(_ door: Door, isDrained: Bool) {
        if let carried = door.takeCarried() {
            for excess in flow.excesses(in: carried, isDrained: isDrained) {
                Seat(descriptor: excess.descriptor, number: excess.number, monitor: door.monitor).cut()
                tell("connection_cut", [("why", "\"\(excess.why)\"")])
            }
            for _ in 0..<door.takeCuts() {
                tell("connection_cut", [("why", "\"too many bytes before its first whole message\"")])
            }
            tellWordless(door.wordless)
            tellRest()
        }
        // Of connections long gone.
        if strikes.count > 1 << 16 { strikes = [:] }
        if cut.count > 1 << 16 { cut = [] }
        counts.removeAll(keepingCapacity: true)
        wasteTime = isDrained || wasteBegan == nil ? Self.shortestWaste : min(wasteTime * 9 / 8, Self.longestWaste)
        wasteBegan = nil
    }

    private mutating func tellWordless(_ count: Int) {
        if count - wordless >= Self.wordlessTold {
            guard wordlessBudget.tells() != nil else { return }
            let why = "no handshake in 5 s, another protocol, or a frame above 64 KiB as the first"
            log.write(
                LogLine(
                    .warning, "strangers_ended",
                    [("connections", "\(count - wordless)"), ("why", "\"\(why)\"")]))
            wordless = count
        } else if ContinuousClock.now - quietSince > LineBudget.period {
            quietSince = .now
            wordless = count
        }
    }

    private mutating func tell(_ event: String, _ fields: [(String, String)]) {
        let at = budgets.firstIndex { $0.event == event } ?? budgets.count
        if at == budgets.count { budgets.append((event, LineBudget())) }
        guard let unreported = budgets[at].budget.tells() else { return }
        log.write(LogLine(.warning, event, fields + [("unreported", "\(unreported)")]))
    }

    /// What went untold, once a line may say so.
    private mutating func tellRest() {
        for at in budgets.indices {
            guard let unreported = budgets[at].budget.rest() else { continue }
            log.write(LogLine(.warning, budgets[at].event, [("unreported", "\(unreported)")]))
        }
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
