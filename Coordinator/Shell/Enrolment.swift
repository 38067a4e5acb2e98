import Foundation
import Glibc
import Messages
import ZeroMQ

extension StateFolder {
    /// What another machine needs to join: copy the folder there and name it with `--keys`. It holds the coordinator's
    /// public key, and a secret key each for workers and for commands.
    package var joinFolder: String { keys + "/join" }

    /// Makes the coordinator's keys and one pair for each role, unless they are there; and lists them as admitted.
    /// - Returns: the coordinator's own pair.
    func enrol() throws -> KeyPair {
        let own = try KeyPair(inFile: keys + "/coordinator")
        for folder in [joinFolder, keys + "/workers", keys + "/clients"] {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        try copyOnce(keys + "/coordinator.pub", to: joinFolder + "/coordinator.pub")
        for role in ["worker", "client"] {
            _ = try KeyPair(inFile: "\(joinFolder)/\(role)")
            try copyOnce("\(joinFolder)/\(role).pub", to: "\(keys)/\(role)s/join.pub")
        }
        return own
    }

    private func copyOnce(_ source: String, to target: String) throws {
        guard !FileManager.default.fileExists(atPath: target) else { return }
        try FileManager.default.copyItem(atPath: source, toPath: target)
    }
}
