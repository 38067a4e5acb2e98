import Foundation
import Glibc
import Messages
import ZeroMQ

/// What is kept of a join line: the public half of its token. A file of mode 0600 in `tokens/`, named after the key's
/// first bytes; `.used` is added when it was traded for a worker's own key.
package struct JoinToken: Sendable {
    package var path: String
    package var key: PublicKey
    package var name: String
    package var role: Authenticator.Role
    /// Seconds since 1970.
    package var expires: UInt64
    package var isUsed: Bool
}

extension KeyFolder {
    /// Join lines good for no longer than this may be asked for.
    package static let longestValid = 30 * 86_400
    /// For so long it is remembered that a token was used or has expired, to say so.
    private static let memorySeconds: UInt64 = 30 * 86_400

    /// Makes a token for one machine that is to be let in under this name.
    package func invite(_ name: String, _ role: Role, validSeconds: Int, at now: UInt64) throws(JobError) -> KeyPair {
        _ = try pair()
        try checkIsFree(name, role)
        for old in listedTokens where old.expires + Self.memorySeconds < now { unsafe unlink(old.path) }
        _ = try? FileManager.default.createDirectory(
            atPath: tokens, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return try wordily { () throws(ZeroMQError) in
            let pair = try KeyPair()
            let text = """
                key \(pair.publicKey)
                role \(role.rawValue)
                name \(name)
                expires \(now + UInt64(validSeconds))

                """
            let path = "\(tokens)/\(Self.fileName(pair.publicKey))"
            guard
                FileManager.default.createFile(
                    atPath: path + ".new", contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
            else { throw ZeroMQError("\(path) cannot be written; who owns \(tokens)?") }
            guard unsafe rename(path + ".new", path) == 0 else { throw ZeroMQError("\(path) cannot be written") }
            return pair
        }
    }

    private static func fileName(_ key: PublicKey) -> String {
        key.bytes.prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// Tokens unused, used and expired, by name. A file that is none, or that others may write, is left out: it lets
    /// nobody in.
    package var listedTokens: [JoinToken] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: tokens)) ?? []
        return names.filter { !$0.hasSuffix(".new") }.sorted().compactMap { token(in: "\(tokens)/\($0)") }
    }

    private func token(in path: String) -> JoinToken? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 == 0,
            status.st_uid == geteuid(), let text = try? String(contentsOfFile: path, encoding: .utf8)
        else { return nil }
        func value(_ name: String) -> Substring? {
            text.split(separator: "\n").first { $0.hasPrefix(name + " ") }?.dropFirst(name.count + 1)
        }
        guard let key = value("key").flatMap({ PublicKey($0) }), let name = value("name"),
            let role = value("role").flatMap({ Role(rawValue: String($0)) }),
            let expires = value("expires").flatMap({ UInt64($0) })
        else { return nil }
        return JoinToken(
            path: path, key: key, name: String(name), role: role, expires: expires, isUsed: path.hasSuffix(".used"))
    }

    /// Lets a key in instead of the token that vouches for it. Everything is on the disk when this returns.
    /// - Returns: the name it has from now on.
    /// - Throws: in words for whoever asks.
    func enrol(_ key: PublicKey, with token: PublicKey, at now: UInt64) throws(JobError) -> String {
        let another = "ask for another line: `apex keys add-worker NAME` on the coordinator's machine."
        guard let token = listedTokens.first(where: { $0.key == token && !$0.isUsed }), now < token.expires else {
            throw JobError("this join line was used already, or it has expired; \(another)")
        }
        guard key != token.key, try pair().publicKey != key else { throw JobError("this key is not yours to enrol.") }
        // Here before, and the answer got lost, or a machine that joins once more: its key stays what it is.
        let known = try admitted()[key]
        if let known, known.role != token.role {
            throw JobError("this machine's key is listed already, as \(known.role.rawValue) \(known.name).")
        }
        if known == nil {
            do throws(JobError) { try list(key, as: token.name, token.role) } catch {
                throw JobError("\(error.description) Or \(another)")
            }
        }
        guard unsafe rename(token.path, token.path + ".used") == 0 else {
            throw JobError("the coordinator cannot use the token up; is its disk full?")
        }
        try? PublicKey.keepFolder(of: token.path)
        return known?.name ?? token.name
    }
}
