import Glibc

/// Files that are either whole or not there: written beside their place, flushed, then renamed.
enum FinishedFile {
    /// - Parameter make: fills the file at the path it is given; nothing is there yet.
    /// - Throws: what `make` throws; whatever happens, a file that was at `path` before stays until the new one is whole.
    static func write(to path: String, make: (_ temporary: String) throws(ReportError) -> Void) throws(ReportError) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        // Always the same name: what an interrupted run left is replaced by the next.
        let temporary = "\(folder)/.\(name).partial"
        // Paths are copied to C strings that outlive each call, here and below.
        unsafe unlink(temporary)
        do throws(ReportError) {
            try make(temporary)
            try flush(temporary)
            guard unsafe rename(temporary, path) == 0 else { throw failure(path, "cannot be put in place") }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        try flush(folder)
    }

    static func write(_ bytes: [UInt8], to path: String) throws(ReportError) {
        try write(to: path) { temporary throws(ReportError) in
            let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw failure(path, "cannot be made") }
            defer { close(descriptor) }
            var written = 0
            while written < bytes.count {
                // From `written` on there are `count − written` bytes.
                let count = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
                }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw failure(path, "cannot be written") }
                written += count
            }
        }
    }

    private static func flush(_ path: String) throws(ReportError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened to flush it") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path, "cannot be flushed to the disk") }
    }

    private static func failure(_ path: String, _ what: String) -> ReportError {
        let code = errno
        // Copied before any other call can change it.
        let reason = unsafe String(cString: strerror(code))
        let advice =
            code == ENOSPC || code == EDQUOT
            ? "free some space and write the report again; nothing that was there before is lost"
            : "check that the folder exists and that this user may write it"
        return ReportError("\(path): \(what): \(reason); \(advice).")
    }
}
