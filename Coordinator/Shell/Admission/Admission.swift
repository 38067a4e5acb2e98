import CLinux
import CoordinatorCore
import Foundation
import Glibc
import Messages
import ZeroMQ

/// Who may connect over TCP, kept in step with the folder of keys while the coordinator runs. Lives on the coordinator's
/// thread.
final class Admission {
    let keys: KeyFolder
    /// Readable when the folder of keys changed.
    let descriptor: Int32
    private let authenticator: Authenticator
    private let log: EventLog
    private var listed: Authenticator.AllowList
    /// Some files could not be trusted: who is not listed may be let in again when they are mended.
    private var isUncertain = false
    /// While that is so it is looked again: the reason may pass without a change in the folder.
    private var lookAgain = ContinuousClock.now
    private static let lookAgainPeriod: Duration = .seconds(10)
    /// What was found wrong at the last look.
    private var told: [String] = []
    /// The key that the connection behind a descriptor last spoke with, and the connection's number.
    private var seats: [Int32: (key: PublicKey, connection: Int)] = [:]

    /// - Throws: when there are no keys, or one file of them cannot be trusted: nothing listens then.
    init(_ keys: KeyFolder, _ log: EventLog) throws {
        self.keys = keys
        self.log = log
        _ = try keys.pair()
        _ = try keys.make()  // folders that are missing
        // Watched before they are read: no change falls between.
        descriptor = apex_folder_watch()
        for folder in keys.watched {
            guard descriptor >= 0, unsafe apex_watch_folder(descriptor, folder) == 0 else {
                throw JobError(
                    "\(folder): cannot be watched, so a revoked key would stay let in; raise the limits "
                        + "fs.inotify.max_user_instances and max_user_watches.")
            }
        }
        listed = try keys.admitted()
        Self.add(keys.listedTokens, to: &listed)
        authenticator = try Authenticator(allowing: listed) { denial in
            var fields = [("key", denial.key?.description ?? "none"), ("address", denial.address)]
            if let key = denial.key, let token = keys.listedTokens.first(where: { $0.key == key }) {
                fields.append(
                    ("why", "\"the join line for \(token.name) \(token.isUsed ? "was used" : "has expired")\""))
            }
            log.write(LogLine(.warning, "peer_denied", fields + [("unreported", "\(denial.unreported)")]))
        }
    }
    deinit { close(descriptor) }

    private static func add(_ tokens: [JoinToken], to list: inout Authenticator.AllowList) {
        for token in tokens where !token.isUsed && list[token.key] == nil {
            list[token.key] = Authenticator.Admitted(
                name: token.name, role: token.role, isToken: true, expires: token.expires)
        }
    }

    /// - Throws: when the thread that admits peers has ended: nobody would be let in any more.
    func check() throws(JobError) {
        guard authenticator.isRunning else { throw JobError("the authenticator ended; start the coordinator again.") }
    }

    /// Who sent a message that came over TCP.
    func speaker(_ key: PublicKey?) -> Speaker {
        key.flatMap { authenticator.admitted($0) }.map(Speaker.admitted) ?? .nobody
    }

    /// Remembers whose connection it is that a message came by.
    func seat(_ key: PublicKey?, at seat: Seat) {
        guard let key else { return }
        seats[seat.descriptor] = (key, seat.number)
    }

    // MARK: - Changes

    /// Follows the folder of keys, if it changed. Whoever is not listed any more is cut off; so is every connection of
    /// which nobody knows yet whose it is: those that are still listed come back by themselves.
    /// - Returns: keys that lost their admission.
    func followChanges(_ monitor: Monitor) -> Set<PublicKey> {
        let isDue = isUncertain && ContinuousClock.now >= lookAgain
        guard apex_watch_changed(descriptor) == 1 || isDue else { return [] }
        lookAgain = .now + Self.lookAgainPeriod
        return reload(monitor)
    }

    private func reload(_ monitor: Monitor) -> Set<PublicKey> {
        var (list, problems) = Authenticator.readableKeys(of: keys.path)
        do throws(JobError) { _ = try keys.pair() } catch {
            // Whoever can change this folder can let anybody in: nobody is, until it is mended.
            problems.append(ZeroMQError(error.description))
            list = [:]
        }
        let words = problems.map { "\($0)" }
        for problem in words where !told.contains(problem) {
            log.write(LogLine(.error, "key_refused", [("why", "\"\(problem)\"")]))
        }
        told = words
        Self.add(keys.listedTokens, to: &list)
        guard list != listed || problems.isEmpty == isUncertain else { return [] }
        isUncertain = !problems.isEmpty
        // A token that was used is no reason to cut: the answer must still leave, and nothing else is heard from it.
        let gone = Set(
            listed.filter { !$0.value.isToken && (list[$0.key] == nil || list[$0.key]?.role != $0.value.role) }.keys)
        let names = { (keys: [Authenticator.Admitted]) in
            keys.filter { !$0.isToken }.map { "\($0.role.rawValue) \($0.name)" }.sorted().joined(separator: ", ")
        }
        let new = names(list.filter { listed[$0.key] == nil }.map(\.value))
        let lost = names(listed.filter { gone.contains($0.key) }.map(\.value))
        if !new.isEmpty { log.write(LogLine(.info, "key_listed", [("who", "\"\(new)\"")])) }
        if !lost.isEmpty { log.write(LogLine(.warning, "key_revoked", [("who", "\"\(lost)\"")])) }
        listed = list
        authenticator.replace(list, isUncertain: isUncertain)
        if !gone.isEmpty { cut(monitor) }
        return gone
    }

    private func cut(_ monitor: Monitor) {
        var kept: [Int32: (key: PublicKey, connection: Int)] = [:]
        for descriptor in monitor.connections {
            if let seat = seats[descriptor], seat.connection == monitor.connection(at: descriptor),
                listed[seat.key] != nil
            {
                kept[descriptor] = seat
            } else {
                Connections.cut(descriptor)
            }
        }
        seats = kept
    }

    /// Lets a machine's own key in, for a token or, said again, for the key itself.
    func enrol(_ bytes: [UInt8], for speaker: PublicKey?, _ monitor: Monitor) -> Outbound {
        guard let speaker, let key = PublicKey(bytes: bytes), let holder = authenticator.admitted(speaker) else {
            return .refused("this key is not admitted any more.")
        }
        if !holder.isToken {
            return key == speaker ? .enrolled(name: holder.name) : .refused("a key enrols itself, and no other.")
        }
        do throws(JobError) {
            let name = try keys.enrol(key, with: speaker, at: UInt64(Date().timeIntervalSince1970))
            log.write(LogLine(.info, "key_enrolled", [("name", name), ("role", holder.role.rawValue)]))
            // At once: the token is good for nothing from here on. Its connection stays for the answer to leave by it.
            _ = reload(monitor)
            return .enrolled(name: name)
        } catch {
            log.write(LogLine(.warning, "token_refused", [("name", holder.name), ("why", "\"\(error)\"")]))
            return .refused(error.description)
        }
    }
}
