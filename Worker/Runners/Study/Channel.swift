import Glibc

/// A named pipe for programs whose output is not theirs alone.
struct Channel: ~Copyable {
    private let path: String
    /// -1 where the file system has no named pipes: programs see no `APEX_OUT` then.
    let descriptor: Int32

    init(path: String) throws(ObjectiveError) {
        let descriptor = try Self.make(path)
        self.path = path
        self.descriptor = descriptor
    }
    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unsafe unlink(path)
        }
    }

    private static func make(_ path: String) throws(ObjectiveError) -> Int32 {
        // Not for others: what is written there decides the trial. One is there when a worker was killed.
        if unsafe mkfifo(path, 0o600) != 0,
            unsafe (errno != EEXIST || unlink(path) != 0 || mkfifo(path, 0o600) != 0)
        {
            if [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) { return -1 }
            throw TrialFolder.error(path, errno)
        }
        // For writing too, or it would be at its end whenever nobody writes.
        let descriptor = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw TrialFolder.error(path, errno) }
        return descriptor
    }
}
