import Foundation
import Glibc
import Messages
import ZeroMQ

/// A coordinator's folder of keys, of mode 0700:
///
///     coordinator, coordinator.pub   its own pair
///     workers/NAME.pub               who may compute; clients/ who may submit; readers/ who may look
///     tokens/                        the public halves of join lines that are still good, or were used
///     revoked/                       public keys that were let in once
///
/// What the files say is what holds: a running coordinator follows every change at once.
package struct KeyFolder: Sendable {
    package typealias Role = Authenticator.Role
    package let path: String
    package init(_ path: String) { self.path = path }

    package var own: String { path + "/coordinator" }
    package var tokens: String { path + "/tokens" }
    package var revoked: String { path + "/revoked" }
    package func folder(of role: Role) -> String { "\(path)/\(role.rawValue)s" }
    func file(_ name: String, _ role: Role) -> String { "\(folder(of: role))/\(name).pub" }

    /// Every folder whose change matters to a running coordinator.
    var watched: [String] { [path, tokens] + Role.allCases.map { folder(of: $0) } }

    // MARK: - The coordinator's own

    /// Makes the coordinator's pair, and nothing else: nobody is let in yet.
    /// - Returns: false when there is one already, which stays.
    package func make() throws(JobError) -> Bool {
        for folder in [path, tokens, revoked] + Role.allCases.map({ folder(of: $0) }) {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw JobError("\(folder): cannot be made (\(error.localizedDescription)); who owns the folder above?")
            }
        }
        try wordily { () throws(ZeroMQError) in try Authenticator.check(folder: path) }
        if isMade {
            _ = try pair()
            return false
        }
        try wordily { () throws(ZeroMQError) in try KeyPair().write(to: own) }
        return true
    }

    package var isMade: Bool { unsafe access(own, F_OK) == 0 }

    /// - Throws: when there is none, or others could read or change it: what, where, and what to do.
    package func pair() throws(JobError) -> KeyPair {
        guard isMade else {
            throw JobError("\(own) is missing, and tcp needs keys; make them with `apex keys init`.")
        }
        return try wordily { () throws(ZeroMQError) in
            try Authenticator.check(folder: path)
            return try KeyPair(readingFrom: own)
        }
    }

    /// A new pair in the place of the old one, which no longer exists. Join lines for the old one are void.
    package func rotate() throws(JobError) -> KeyPair {
        _ = try pair()
        let fresh = try wordily { () throws(ZeroMQError) in
            let draft = "\(own).\(getpid()).new"
            let fresh = try KeyPair()
            try fresh.write(to: draft)
            for ending in ["", ".pub"] {
                guard unsafe rename(draft + ending, own + ending) == 0 else {
                    throw ZeroMQError("\(own)\(ending) cannot be replaced; who owns \(path)?")
                }
            }
            return fresh
        }
        for token in listedTokens { unsafe unlink(token.path) }
        return fresh
    }

    // MARK: - Who is let in

    /// Lists a key under a name that nobody has in this role.
    package func list(_ key: PublicKey, as name: String, _ role: Role) throws(JobError) {
        try checkIsFree(name, role)
        if let holder = try admitted()[key] {
            throw JobError("this key is listed already, as \(holder.role.rawValue) \(holder.name).")
        }
        try wordily { () throws(ZeroMQError) in try key.write(to: file(name, role)) }
    }

    func checkIsFree(_ name: String, _ role: Role) throws(JobError) {
        let letters = name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0)
        }
        guard letters, (1...64).contains(name.utf8.count), !name.hasPrefix("."), !name.hasPrefix("-") else {
            throw JobError("\(name) is no name for a key; give 1 to 64 letters, digits, dots, - or _, such as desk-7.")
        }
        guard unsafe access(file(name, role), F_OK) != 0 else {
            throw JobError("there is a \(role.rawValue) \(name) already; give another name, or revoke that one first.")
        }
    }

    /// Everybody who is let in, tokens apart.
    /// - Throws: for the first file that cannot be trusted.
    package func admitted() throws(JobError) -> Authenticator.AllowList {
        try wordily { () throws(ZeroMQError) in try Authenticator.allowList(readingFrom: path) }
    }

    /// Nobody of this name is let in any more, in any role; a running coordinator cuts them off at once.
    /// - Returns: the roles it was taken from, and how many unused join lines of that name are void now.
    package func revoke(_ name: String) throws(JobError) -> (roles: [Role], tokens: Int) {
        try checkOwn()
        var roles: [Role] = []
        for role in Role.allCases where unsafe access(file(name, role), F_OK) == 0 {
            let second = Int(Date().timeIntervalSince1970)
            let place = "\(revoked)/\(role.rawValue)-\(name)-\(second)"
            var target = place + ".pub"
            var again = 0
            while unsafe access(target, F_OK) == 0 {
                again += 1
                target = "\(place)-\(again).pub"
            }
            _ = try? FileManager.default.createDirectory(
                atPath: revoked, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            guard unsafe rename(file(name, role), target) == 0 || unlink(file(name, role)) == 0 else {
                throw JobError("\(file(name, role)) cannot be removed; who owns \(folder(of: role))?")
            }
            roles.append(role)
        }
        let void = listedTokens.filter { $0.name == name }
        for token in void { unsafe unlink(token.path) }
        return (roles, void.count { !$0.isUsed })
    }

    func checkOwn() throws(JobError) {
        try wordily { () throws(ZeroMQError) in try Authenticator.check(folder: path) }
    }

    func wordily<Answer>(_ work: () throws(ZeroMQError) -> Answer) throws(JobError) -> Answer {
        do throws(ZeroMQError) { return try work() } catch { throw JobError("\(error.description).") }
    }
}
