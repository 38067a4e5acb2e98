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
    /// Descriptors of connections that have offended, and how often.
    private var strikes: [Int32: Int] = [:]
    private var flow = Flow()

    init(_ log: EventLog) { self.log = log }

    /// - Parameter descriptor: of the TCP connection; nil for ipc, where everybody is the same user.
    mutating func note(_ what: String, _ descriptor: Int32?, from speaker: Speaker = .nobody) {
        tell("message_refused", [("what", "\"\(what.prefix(200))\""), ("from", speaker.name)])
        guard let descriptor else { return }
        strikes[descriptor, default: 0] += 1
        guard strikes[descriptor]! >= Self.patience else { return }
        strikes[descriptor] = nil
        Connections.cut(descriptor)
    }

    /// Counts what a connection brought: see `Flow`.
    mutating func heard(_ message: Message) { flow.delivered(message) }

    /// Cuts whoever sends what never becomes a whole message, or more than anybody reads.
    mutating func guardMemory(of monitor: Monitor) {
        for excess in flow.excesses(of: monitor) {
            Connections.cut(excess.descriptor)
            tell("connection_cut", [("why", "\"\(excess.bytes) bytes sent that are no whole message\"")])
        }
        if strikes.count > 4096 { strikes = [:] }
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

extension Receipt {
    /// The TCP connection that it came by.
    var descriptor: Int32? {
        switch self {
        case .message(let message): message.connection
        case .refused(let refusal): refusal.connection
        }
    }
}
