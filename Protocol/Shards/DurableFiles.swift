import Blobs
import CLinux
import Glibc
import Messages

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

    /// Makes a folder whose own folders are put far from each other, where the file system can.
    package static func makeSpreadFolder(_ path: String) throws(ShardError) {
        try makeFolder(path)
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("opening the folder", path) }
        defer { close(descriptor) }
        apex_spread_folders(descriptor)
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

    /// A whole file; nil when there is none.
    package static func read(_ path: String) throws(ShardError) -> [UInt8]? {
        var bytes: [UInt8] = []
        let found = try each(path) { bytes.append(contentsOf: $0) }
        return found ? bytes : nil
    }

    /// BLAKE2b-256 and size of a file that is there.
    package static func hash(of path: String) throws(ShardError) -> (hash: BlobID, bytes: UInt64) {
        var hasher = BlobHasher()
        var count: UInt64 = 0
        let found = try each(path) {
            hasher.update(Array($0))
            count += UInt64($0.count)
        }
        guard found else { throw ShardError(.missing, "\(path): there is no such file.") }
        return (hasher.finish(), count)
    }

    /// - Returns: false when there is no such file.
    private static func each(_ path: String, _ body: (ArraySlice<UInt8>) -> Void) throws(ShardError) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw .system("opening", path)
        }
        defer { close(descriptor) }
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            // The call writes at most `count` bytes into the array of that size.
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("reading", path) }
            if count == 0 { return true }
            body(chunk[..<count])
        }
    }

    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Removes a file or a folder with everything in it; what cannot be removed stays.
    package static func removeTree(_ path: String) {
        if unsafe unlink(path) == 0 || errno == ENOENT { return }
        guard let folder = unsafe opendir(path) else { return }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            // A name of the entry's own, ended by a NUL.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        unsafe closedir(folder)
        for name in names { removeTree(path + "/" + name) }
        _ = unsafe rmdir(path)
    }

    package static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
