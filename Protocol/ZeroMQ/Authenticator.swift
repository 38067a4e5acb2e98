import Foundation
import Synchronization

/// Decides which CURVE keys may connect to this process: the ZAP handler (ZeroMQ RFC 27) on a thread of its own. Nobody is
/// admitted who is not listed. Make it before the first CURVE server binds, and keep it as long as servers run: without
/// it they refuse everybody.
package final class Authenticator: Sendable {
    /// What a listed key may be used for. What a role may say, the coordinator decides message by message.
    package enum Role: String, Sendable, CaseIterable, Comparable {
        case worker, client, reader
        package static func < (a: Role, b: Role) -> Bool { a.rawValue < b.rawValue }
    }

    /// Who holds a listed key.
    package struct Admitted: Sendable, Hashable {
        package var name: String
        package var role: Role
        /// Whoever holds it may only trade it, once, for a key of its own in this role: it is the token of a join line.
        package var isToken: Bool
        /// Seconds since 1970 from which on it admits nobody; nil: never.
        package var expires: UInt64?
        package init(name: String, role: Role, isToken: Bool = false, expires: UInt64? = nil) {
            self.name = name
            self.role = role
            self.isToken = isToken
            self.expires = expires
        }
        package func isCurrent(at second: UInt64) -> Bool { expires.map { second < $0 } ?? true }
    }
    package typealias AllowList = [PublicKey: Admitted]

    /// A peer that was turned away.
    package struct Denial: Sendable, Equatable {
        /// nil when the peer spoke no CURVE or for another domain.
        package var key: PublicKey?
        /// Where from: an IP address; empty for ipc.
        package var address: String
        /// How many denials went unreported since the last report.
        package var unreported: Int
    }
    private let allowed: Shared<AllowList>
    private let isUncertain = Shared(false)
    private let denials: Shared<Int>
    private let hasEnded = Shared(false)
    private let stopping: Wakeup
    private let thread: BackgroundThread

    /// - Parameter log: called on the authenticator's thread, as often as a `LineBudget` allows: a flood of strangers
    ///   does not fill a log.
    /// - Throws: when the process already has an authenticator.
    package init(
        allowing list: AllowList = [:], in context: Context = .shared,
        log: @escaping @Sendable (Denial) -> Void = { _ in }
    ) throws(ZeroMQError) {
        let allowed = Shared(list)
        let denials = Shared(0)
        let stopping = try Wakeup()
        thread = try BackgroundThread("authenticator") { [hasEnded, isUncertain] ready in
            defer { hasEnded.value.withLock { $0 = true } }
            do throws(ZeroMQError) {
                let requests = try Socket(.rep, in: context, options: Handler.options)
                try requests.bind("inproc://zeromq.zap.01")
                ready(nil)
                var handler = Handler(allowed: allowed, isUncertain: isUncertain, denials: denials, log: log)
                try handler.answer(requests, until: stopping)
            } catch { ready(error) }  // after the start, an error is the end of the context
        }
        self.allowed = allowed
        self.denials = denials
        self.stopping = stopping
    }
    deinit { stop() }

    /// Who holds this key, if anybody listed does.
    package func admitted(_ key: PublicKey) -> Admitted? {
        allowed.value.withLock { $0[key] }.flatMap { $0.isCurrent(at: Self.second) ? $0 : nil }
    }
    static var second: UInt64 { UInt64(max(0, Date().timeIntervalSince1970)) }
    /// False once its thread has ended: nobody is admitted any more.
    package var isRunning: Bool { !hasEnded.value.withLock { $0 } }
    /// Counts for new connections; those that were admitted before stay until they are cut (`Connections.cut`).
    /// - Parameter isUncertain: the list may lack some that are let in. Others are turned away all the same, and not told
    ///   that it is for good.
    package func replace(_ list: AllowList, isUncertain: Bool = false) {
        self.isUncertain.value.withLock { $0 = isUncertain }
        allowed.value.withLock { $0 = list }
    }
    package var allowList: AllowList { allowed.value.withLock { $0 } }
    /// Peers turned away so far.
    package var denialCount: Int { denials.value.withLock { $0 } }

    /// Ends the thread. From then on CURVE servers refuse every new connection.
    package func stop() {
        stopping.wake()
        thread.join()
    }
}

/// The thread's side of an `Authenticator`.
private struct Handler {
    static let options = {
        var options = SocketOptions()
        options.maximumFrames = 7  // version, request, domain, address, routing id, mechanism, key
        options.lingerMilliseconds = 0
        return options
    }()

    let allowed: Shared<Authenticator.AllowList>
    let isUncertain: Shared<Bool>
    let denials: Shared<Int>
    let log: @Sendable (Authenticator.Denial) -> Void
    private var budget = LineBudget()

    init(
        allowed: Shared<Authenticator.AllowList>, isUncertain: Shared<Bool>, denials: Shared<Int>,
        log: @escaping @Sendable (Authenticator.Denial) -> Void
    ) {
        self.allowed = allowed
        self.isUncertain = isUncertain
        self.denials = denials
        self.log = log
    }

    mutating func answer(_ socket: borrowing Socket, until stopping: Wakeup) throws(ZeroMQError) {
        var poller = Poller()
        let requests = poller.add(socket)
        let stop = poller.add(descriptor: stopping.descriptor)
        while true {
            try poller.wait(milliseconds: -1)
            if poller.isReadable(stop) { return }
            guard poller.isReadable(requests), let receipt = try socket.receive() else { continue }
            let request = if case .message(let message) = receipt { message.frames } else { [[UInt8]]() }
            _ = try socket.send(answer(to: request))
        }
    }

    private mutating func answer(to request: [[UInt8]]) -> [[UInt8]] {
        let isCurve =
            request.count == 7 && request[0] == Array("1.0".utf8) && request[2] == Array(SocketOptions.domain.utf8)
            && request[5] == Array("CURVE".utf8)
        let key = isCurve ? PublicKey(bytes: request[6]) : nil
        let listed = key.flatMap { key in allowed.value.withLock { $0[key] } }
        let isAdmitted = listed?.isCurrent(at: Authenticator.second) ?? false
        if !isAdmitted {
            deny(key, address: request.count > 3 ? String(decoding: request[3], as: UTF8.self) : "")
        }
        let id = request.count > 1 ? request[1] : []
        let user = isAdmitted ? key.map { Array($0.description.utf8) } ?? [] : []
        // 300: libzmq closes the connection without a word, and the other side tries again.
        let refusal = isUncertain.value.withLock { $0 } ? "300" : "400"
        let (code, text) = isAdmitted ? ("200", "OK") : (refusal, "this key is not admitted")
        return [Array("1.0".utf8), id, Array(code.utf8), Array(text.utf8), user, []]
    }

    private mutating func deny(_ key: PublicKey?, address: String) {
        denials.value.withLock { $0 += 1 }
        guard let unreported = budget.tells() else { return }
        log(Authenticator.Denial(key: key, address: address, unreported: unreported))
    }
}
