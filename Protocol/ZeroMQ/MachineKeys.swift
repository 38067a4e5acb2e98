import Foundation

/// The keys of a machine that is not the coordinator's: a folder of mode 0700 with `worker` or `client`, the secret half
/// of the machine's own pair (0600), the coordinator's public key, and where it was.
package struct MachineKeys: Sendable {
    package let folder: String
    /// `worker` or `client`.
    package let file: String
    package init(_ folder: String, file: String) {
        self.folder = folder
        self.file = file
    }

    package var secret: String { folder + "/" + file }
    package var server: String { folder + "/coordinator.pub" }
    private var place: String { folder + "/address" }

    package var isMade: Bool { unsafe access(secret, F_OK) == 0 && access(server, F_OK) == 0 }

    /// Where the coordinator was when the machine joined: `tcp://HOST:PORT`.
    package var address: String? {
        (try? String(contentsOfFile: place, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// This machine's own pair, made now if there is none; it never leaves the folder.
    package func pair() throws(ZeroMQError) -> KeyPair {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw ZeroMQError("\(folder): cannot be made; who owns the folder above?") }
        return try KeyPair(inFile: secret)
    }

    /// Remembers where the coordinator is and its key, in the place of an older one. The key comes last: what is half
    /// written has not joined.
    package func keep(_ line: JoinLine) throws(ZeroMQError) {
        let pairs = [(place, line.address), (server, line.coordinator.description)]
        for (path, text) in pairs {
            do {
                try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: path + ".new"))
                guard unsafe chmod(path + ".new", 0o644) == 0, unsafe rename(path + ".new", path) == 0 else {
                    throw POSIXError(.EIO)
                }
            } catch { throw ZeroMQError("\(path): cannot be written; who owns \(folder)?") }
        }
        try PublicKey.keepFolder(of: server)
    }
}
