import Foundation

/// An open file. It cannot be copied, and closes itself.
struct File: ~Copyable {
    let descriptor: Int32
    let path: String

    /// - Parameter flags: O_CLOEXEC is added.
    init(_ path: String, _ flags: Int32, mode: mode_t = 0o600, doing: String) throws(BlobError) {
        descriptor = unsafe open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw errno == ENOENT ? Self.missing(path) : .system(doing, path) }
        self.path = path
    }
    deinit { close(descriptor) }

    static func missing(_ path: String) -> BlobError { BlobError(.missing, "\(path) is not here") }

    func size() throws(BlobError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .system("reading", path) }
        return Int(status.st_size)
    }

    /// Writes everything at the file's position.
    func write(_ bytes: [UInt8]) throws(BlobError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done)
            }
            if count > 0 { done += count } else if errno != EINTR { throw .system("writing", path) }
        }
    }

    /// Reads `count` bytes at `offset`; fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(BlobError) -> [UInt8] {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = unsafe pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                if got > 0 {
                    filled += got
                } else if got == 0 {
                    break
                } else if errno != EINTR {
                    failed = true
                    break
                }
            }
        }
        if failed { throw .system("reading", path) }
        return bytes
    }

    func sync() throws(BlobError) {
        guard fsync(descriptor) == 0 else { throw .system("writing", path) }
    }
}

enum Files {
    /// - Returns: false when it was there.
    @discardableResult static func makeFolder(_ path: String) throws(BlobError) -> Bool {
        if unsafe mkdir(path, 0o700) == 0 { return true }
        guard errno == EEXIST else { throw .system("making the folder", path) }
        return false
    }
    /// What was renamed into a folder stays there after a power cut once the folder is synced.
    static func syncFolder(_ path: String) throws(BlobError) {
        try File(path, O_RDONLY | O_DIRECTORY, doing: "opening the folder").sync()
    }
    static func rename(_ old: String, _ new: String) throws(BlobError) {
        guard unsafe Glibc.rename(old, new) == 0 else { throw .system("moving \(old) to", new) }
    }
    static func remove(_ path: String) throws(BlobError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .system("removing", path) }
    }
    /// Names in a folder, sorted; none when it does not exist.
    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
    /// Size in bytes and time of last change in nanoseconds; nil when there is no such file.
    static func facts(_ path: String) -> (bytes: Int, changed: Int64)? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return (Int(status.st_size), Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
    }
    /// Sets the time of last change to now.
    static func touch(_ path: String) { _ = unsafe utimensat(AT_FDCWD, path, nil, 0) }
}
