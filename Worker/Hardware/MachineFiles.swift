import Glibc

/// The files a machine describes itself with: this machine's, or a recorded machine's in a test.
package struct MachineFiles: Sendable {
    /// The file's text; nil when there is none or it cannot be read.
    package var text: @Sendable (String) -> String?
    /// Names in a folder, sorted; none when there is no such folder.
    package var names: @Sendable (String) -> [String]
    package init(text: @escaping @Sendable (String) -> String?, names: @escaping @Sendable (String) -> [String]) {
        self.text = text
        self.names = names
    }

    /// This machine's. Files of /proc say that they are empty, so they are read to their end, at most 8 MiB.
    package static let here = MachineFiles(
        text: { path in
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { return nil }
            defer { close(descriptor) }
            var bytes: [UInt8] = []
            var room = [UInt8](repeating: 0, count: 1 << 16)
            while bytes.count < 8 << 20 {
                let count = unsafe read(descriptor, &room, room.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
                bytes += room[..<count]
            }
            return String(decoding: bytes, as: UTF8.self)
        },
        names: { path in
            guard let folder = unsafe opendir(path) else { return [] }
            defer { unsafe closedir(folder) }
            var names: [String] = []
            while let entry = unsafe readdir(folder) {
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
                }
                if name != ".", name != ".." { names.append(name) }
            }
            return names.sorted()
        })

    /// The file's first word as a number; nil when it is none.
    func number(_ path: String) -> UInt64? { text(path).flatMap { UInt64($0.prefix { $0.isNumber }) } }

    /// Numbered entries of a folder (`cpu12` for prefix `cpu`), ascending by number.
    func numbered(_ prefix: String, in folder: String) -> [Int] {
        names(folder).compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }.sorted()
    }
}
