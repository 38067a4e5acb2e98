import Foundation
import Messages
import ZeroMQ

/// Trades a join line for a place among the coordinator's keys: makes this machine's own pair, has its public half let
/// in, and keeps all that the next start needs.
package enum Enrolment {
    /// How long a coordinator is waited for.
    private static let patience: Duration = .seconds(30)

    /// - Returns: the name that the coordinator knows this machine by; nil when it had joined before, so that nothing was
    ///   to be done.
    /// - Throws: when the line is refused or nobody answers, in words that never repeat it.
    package static func join(_ line: JoinLine, _ keys: MachineKeys) throws(JobError) -> String? {
        do throws(ZeroMQError) {
            if keys.isMade, try PublicKey(readingFrom: keys.server) == line.coordinator, keys.address == line.address {
                _ = try KeyPair(readingFrom: keys.secret)  // as a start without the line would
                return nil
            }
            guard let token = line.token else {
                guard keys.isMade else {
                    throw ZeroMQError(
                        "this line is for machines that have joined before; for a new one run `apex keys add-worker "
                            + "NAME` on the coordinator's machine")
                }
                try keys.keep(line)
                return nil
            }
            let own = try keys.pair()
            let name = try enrol(own, line, token)
            try keys.keep(line)
            return name
        } catch { throw JobError("\(error.description).") }
    }

    private static func enrol(_ own: KeyPair, _ line: JoinLine, _ token: KeyPair) throws(ZeroMQError) -> String {
        let deadline = ContinuousClock.now + patience
        var wasRefused = false
        // The token first. Its holder's answer may have been lost: then the token is used up, and our own key let in.
        while ContinuousClock.now < deadline {
            for speaker in [token, own] {
                switch try say(.enrol(key: own.publicKey.bytes), as: speaker, line) {
                case .enrolled(let name): return name
                case .refused(let words): throw ZeroMQError(words.trimmingSuffix("."))
                case .notAdmitted: wasRefused = true
                case .silence: wasRefused = false
                }
                if !wasRefused { break }
            }
            if wasRefused { break }
        }
        guard wasRefused else {
            throw ZeroMQError(
                "no coordinator answers at \(line.address); is it running with --listen, and reachable from here? The "
                    + "line stays good until it expires")
        }
        throw ZeroMQError(
            "the coordinator at \(line.address) does not take this join line: it was used, has expired, or was revoked; "
                + "run `apex keys add-worker NAME` there for another")
    }

    private enum Answer {
        case enrolled(String)
        case refused(String)
        case notAdmitted, silence
    }

    private static func say(_ message: Inbound, as speaker: KeyPair, _ line: JoinLine) throws(ZeroMQError) -> Answer {
        var options = SocketOptions.messages(upTo: Frame.maximumBytes)
        options.security = .client(speaker, server: line.coordinator)
        options.lingerMilliseconds = 100
        let socket = try Socket(.dealer, options: options)
        let monitor = try Monitor(socket)
        try socket.connect(line.address)
        var poller = Poller()
        _ = poller.add(socket)
        let end = ContinuousClock.now + .seconds(10)
        var isSaid = false
        while ContinuousClock.now < end {
            if monitor.counts.refusals > 0 { return .notAdmitted }
            if !isSaid { isSaid = try socket.send([Frame.encode(message)]) == .sent }
            try poller.wait(milliseconds: 20)
            guard case .message(let answer)? = try socket.receive(), let frame = answer.frames.first else { continue }
            switch try? Frame.decode(Outbound.self, frame) {
            case .enrolled(let name): return .enrolled(name)
            case .refused(let words): return .refused(words)
            default: continue
            }
        }
        return .silence
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: Character) -> String { last == suffix ? String(dropLast()) : self }
}
