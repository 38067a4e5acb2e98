import Foundation

// Keys as files: NAME holds the secret (mode 0600), NAME.pub the public key (0644), each one line of Z85.

extension KeyPair {
    /// Writes `path` and `path.pub`, neither of which may exist.
    package func write(to path: String) throws(ZeroMQError) {
        try KeyFile.write(secretKey.text, to: path, mode: 0o600)
        try KeyFile.write(publicKey.description, to: path + ".pub", mode: 0o644)
    }

    /// Reads the secret key in `path`.
    /// - Throws: when others may read it, when it is not ours, or when it holds no key.
    package init(readingFrom path: String) throws(ZeroMQError) {
        let text = try KeyFile.read(path, forbidden: 0o077, advice: "chmod 600")
        guard SecretKey(text) != nil else { throw ZeroMQError("\(path) holds no key; it should be 40 characters") }
        try self.init(secret: text)
    }

    /// Reads the pair in `path`, or makes a new one there when there is none.
    package init(inFile path: String) throws(ZeroMQError) {
        if unsafe access(path, F_OK) == 0 {
            try self.init(readingFrom: path)
        } else {
            try self.init()
            try write(to: path)
        }
    }
}

extension PublicKey {
    /// Has what was renamed beside this path outlive a power cut.
    package static func keepFolder(of path: String) throws(ZeroMQError) { try KeyFile.keep(path) }

    /// Writes `path`, which may not exist yet, whole or not at all, and for good.
    package func write(to path: String) throws(ZeroMQError) {
        let draft = path + ".\(getpid()).new"
        unsafe unlink(draft)
        try KeyFile.write(description, to: draft, mode: 0o644)
        defer { unsafe unlink(draft) }
        guard unsafe link(draft, path) == 0 else { throw ZeroMQError(code: errno, while: "writing the key \(path)") }
        try KeyFile.keep(path)
    }

    /// - Throws: when others may write the file or it holds no key.
    package init(readingFrom path: String) throws(ZeroMQError) {
        guard let key = PublicKey(try KeyFile.read(path, forbidden: 0o022, advice: "chmod 644")) else {
            throw ZeroMQError("\(path) holds no key; it should be 40 characters")
        }
        self = key
    }
}

extension Authenticator {
    /// The keys of a folder: `workers/NAME.pub`, `clients/NAME.pub` and `readers/NAME.pub`. A folder that is missing
    /// lists nobody.
    package static func allowList(readingFrom folder: String) throws(ZeroMQError) -> AllowList {
        let (list, problems) = readableKeys(of: folder)
        if let problem = problems.first { throw problem }
        return list
    }

    /// The same, without those files that cannot be trusted, and why not.
    package static func readableKeys(of folder: String) -> (list: AllowList, problems: [ZeroMQError]) {
        var list: AllowList = [:]
        var problems: [ZeroMQError] = []
        for role in Role.allCases {
            let place = "\(folder)/\(role.rawValue)s"
            let names: [String]
            do { names = try FileManager.default.contentsOfDirectory(atPath: place) } catch {
                // Not there: nobody is listed. Anything else says nothing of who is.
                if unsafe access(place, F_OK) != 0, errno == ENOENT { continue }
                problems.append(ZeroMQError("\(place): cannot be listed: \(error.localizedDescription)"))
                continue
            }
            do throws(ZeroMQError) {
                if !names.isEmpty { try KeyFile.check(folder: place, forbidden: 0o022, advice: "chmod 700") }
                for name in names.sorted() where name.hasSuffix(".pub") {
                    do throws(ZeroMQError) {
                        let key = try PublicKey(readingFrom: "\(place)/\(name)")
                        guard list[key] == nil else {
                            throw ZeroMQError("\(place)/\(name): the key is listed twice; remove one of the files")
                        }
                        list[key] = Admitted(name: String(name.dropLast(4)), role: role)
                    } catch { problems.append(error) }
                }
            } catch { problems.append(error) }
        }
        return (list, problems)
    }

    /// - Throws: unless the folder is there, ours, and closed to everybody else.
    package static func check(folder: String) throws(ZeroMQError) {
        try KeyFile.check(folder: folder, forbidden: 0o077, advice: "chmod 700")
    }
}

private enum KeyFile {
    static func write(_ text: String, to path: String, mode: mode_t) throws(ZeroMQError) {
        let file = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw ZeroMQError(code: errno, while: "writing the key \(path)") }
        defer { close(file) }
        let line = Array((text + "\n").utf8)
        guard unsafe Glibc.write(file, line, line.count) == line.count, fchmod(file, mode) == 0, fsync(file) == 0 else {
            throw ZeroMQError(code: errno, while: "writing the key \(path)")
        }
    }

    /// Has the folder's entry outlive a power cut.
    static func keep(_ path: String) throws(ZeroMQError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = unsafe Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw ZeroMQError(code: errno, while: "writing the key \(path)")
        }
    }

    static func check(folder: String, forbidden: mode_t, advice: String) throws(ZeroMQError) {
        var status = stat()
        guard unsafe lstat(folder, &status) == 0 else {
            throw ZeroMQError(code: errno, while: "looking at the folder of keys \(folder)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw ZeroMQError("\(folder) is not a folder") }
        guard status.st_uid == geteuid() else { throw Self.foreign(folder, status) }
        guard status.st_mode & forbidden == 0 else { throw Self.open(folder, status, advice) }
    }
    private static func foreign(_ path: String, _ status: stat) -> ZeroMQError {
        ZeroMQError(
            "\(path) belongs to another user (\(status.st_uid)) than this program runs as (\(geteuid())); "
                + "chown \(geteuid()) \(path), or run as its owner")
    }
    private static func open(_ path: String, _ status: stat, _ advice: String) -> ZeroMQError {
        ZeroMQError(
            "\(path) has mode \(String(status.st_mode & 0o777, radix: 8)), which is too open; \(advice) \(path)")
    }

    /// - Parameter forbidden: permission bits that must not be set.
    static func read(_ path: String, forbidden: mode_t, advice: String) throws(ZeroMQError) -> String {
        let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw ZeroMQError(code: errno, while: "reading the key \(path)") }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ZeroMQError("\(path) is not a file")
        }
        guard status.st_mode & forbidden == 0 else { throw Self.open(path, status, advice) }
        guard status.st_uid == geteuid() else { throw Self.foreign(path, status) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw ZeroMQError(code: errno, while: "reading the key \(path)") }
        return String(decoding: bytes[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
