import Glibc
import Messages

/// What one stream of an attempt printed: the file `<stream>.<attempt>` in the trial's folder, made when there is
/// something to write, up to a bound; and the last of it.
struct TrialLog: ~Copyable {
    /// Of each stream in its file; what lies between this and the last `tailBytes` is counted and dropped.
    static let fileBytes = 16 << 20
    static let tailBytes = 4 << 10

    private let path: String
    private var file: Int32 = -1
    private var writtenBytes = 0
    private(set) var printedBytes = 0
    private(set) var tail = Tail(limitBytes: tailBytes)
    /// What writing met: nothing is written after that.
    private(set) var failure: ObjectiveError?

    init(path: String) { self.path = path }
    deinit { if file >= 0 { close(file) } }

    mutating func append(_ bytes: Span<UInt8>) {
        printedBytes += bytes.count
        tail.append(bytes)
        let room = Self.fileBytes - writtenBytes
        guard room > 0, failure == nil else { return }
        write(bytes.extracting(first: min(room, bytes.count)))
    }

    /// Ends the file: with the last that was printed, if there was too much.
    mutating func finish() {
        let missing = printedBytes - writtenBytes
        guard missing > 0, failure == nil else { return }
        let rest = tail.bytes.suffix(missing)
        let note = "\n" + Tail.note(missing: UInt64(missing - rest.count), of: UInt64(printedBytes))
        write((missing > rest.count ? Array(note.utf8) + rest : Array(rest)).span)
    }

    private mutating func write(_ bytes: Span<UInt8>) {
        if file < 0 {
            file = Confinement.kept.asProgramsUser {
                // A link or a pipe of this name is a program's doing, and leads out of its folder or hangs the worker.
                _ = unsafe unlink(path)
                return unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
            }
            guard file >= 0 else {
                failure = TrialFolder.error(path, errno)
                return
            }
        }
        var at = 0
        while at < bytes.count {
            let count = unsafe bytes.withUnsafeBufferPointer { all in
                unsafe Glibc.write(file, all.baseAddress! + at, all.count - at)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                failure = TrialFolder.error(path, errno)
                return
            }
            at += count
        }
        writtenBytes += bytes.count
    }
}
