import Glibc

/// Files and folders that are whole or not there at all.
package enum DurableFiles {
    /// Makes a folder and those above it.
    package static func makeFolder(_ path: String) throws(ShardError) {
        if unsafe mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw .system("making the folder", path)
        }
        try makeFolder(String(path[..<slash]))
        guard unsafe mkdir(path, 0o777) == 0 || errno == EEXIST else { throw .system("making the folder", path) }
    }

    /// Brings a file's bytes to the disk, or a folder's names.
    package static func sync(_ path: String) throws(ShardError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("opening", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system("writing", path) }
    }

    /// Gives a finished file or folder its name, and makes the name last.
    package static func publish(_ temporary: String, as path: String) throws(ShardError) {
        guard unsafe rename(temporary, path) == 0 else { throw .system("moving \(temporary) to", path) }
        try sync(folder(of: path))
    }

    /// Writes a whole file: a reader sees all of it or none.
    package static func write(_ bytes: [UInt8], to path: String) throws(ShardError) {
        let temporary = path + ".tmp-\(getpid())"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .system("making", temporary) }
        do throws(ShardError) {
            defer { close(descriptor) }
            var done = 0
            while done < bytes.count {
                // Writes from what is left of the array.
                let count = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done)
                }
                if count > 0 { done += count } else if errno != EINTR { throw .system("writing", temporary) }
            }
            guard fsync(descriptor) == 0 else { throw .system("writing", temporary) }
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        try publish(temporary, as: path)
    }

    package static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
