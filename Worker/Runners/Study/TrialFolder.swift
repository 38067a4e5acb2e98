import Glibc
import Jobs
import Messages

/// A trial's folder on this worker: `<root>/<study>/<number>`. It outlives attempts, so that a program goes on from what
/// it saved there.
struct TrialFolder {
    let path: String
    var parametersPath: String { path + "/params.json" }

    /// Makes the folder, or finds that of an earlier attempt, and writes `params.json`.
    ///
    /// A folder of the same name that belongs to something else is set aside as `<number>.1`, `<number>.2`…: one of
    /// another study of this name, whose checkpoints would be taken for ours, or one with other parameters.
    init(root: String, task: Study.Task) throws(ObjectiveError) {
        path = root + "/" + Self.safeName(task.study) + "/\(task.trial)"
        try Confinement.kept.asProgramsUser { () throws(ObjectiveError) in
            try make(study: root + "/" + Self.safeName(task.study), task)
        }
    }

    private func make(study: String, _ task: Study.Task) throws(ObjectiveError) {
        let text = Self.json(task.parameters.named(task.values)) + "\n"
        var isNew = unsafe mkdir(path, 0o777) == 0
        if !isNew {
            if errno == ENOENT {
                try Self.makeFolders(study)
                isNew = unsafe mkdir(path, 0o777) == 0
                guard isNew || errno == EEXIST else { throw Self.error(path, errno) }
            } else if errno != EEXIST {
                throw Self.error(path, errno)
            }
            if !isNew, try !isOurs(task, text) {
                var copy = 1
                while unsafe access("\(path).\(copy)", F_OK) == 0 { copy += 1 }
                guard unsafe rename(path, "\(path).\(copy)") == 0, unsafe mkdir(path, 0o777) == 0 else {
                    throw Self.error(path, errno)
                }
                isNew = true
            }
        }
        // A link that leads nowhere: a name as small as a file can be. Where there are no links, the parameters tell.
        if isNew, task.made != 0 { _ = unsafe symlink(Self.mark(task), markPath) }
        // Made anew: what an earlier attempt left there under this name may be a link or a pipe.
        _ = unsafe unlink(parametersPath)
        let file = unsafe open(parametersPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Self.error(parametersPath, errno) }
        defer { Glibc.close(file) }
        let bytes = Array(text.utf8)
        guard unsafe write(file, bytes, bytes.count) == bytes.count else { throw Self.error(parametersPath, errno) }
    }

    /// Says which of all studies of this name the folder belongs to.
    private var markPath: String { path + "/.study" }
    private static func mark(_ task: Study.Task) -> String { String(task.made, radix: 16) }

    /// Whether the folder there was left by an attempt at this very trial.
    private func isOurs(_ task: Study.Task, _ text: String) throws(ObjectiveError) -> Bool {
        var mark = [UInt8](repeating: 0, count: 64)
        let length = unsafe mark.withUnsafeMutableBytes { room in
            unsafe readlink(markPath, room.baseAddress!.assumingMemoryBound(to: CChar.self), room.count)
        }
        if length >= 0, task.made != 0, !mark.prefix(length).elementsEqual(Self.mark(task).utf8) { return false }
        let file = unsafe open(parametersPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        // None yet: an attempt that was cut short before it wrote it.
        guard file >= 0 else { return errno == ENOENT }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: text.utf8.count + 1)
        let count = unsafe read(file, &bytes, bytes.count)
        // Cut short by a full disk, or by a crash, it is still ours.
        return count >= 0 && Array(text.utf8).starts(with: bytes.prefix(count))
    }

    private static func makeFolders(_ path: String) throws(ObjectiveError) {
        guard unsafe mkdir(path, 0o777) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw error(path, errno)
        }
        try makeFolders(String(path[..<slash]))
        guard unsafe mkdir(path, 0o777) == 0 || errno == EEXIST else { throw error(path, errno) }
    }

    static func error(_ path: String, _ code: Int32) -> ObjectiveError {
        let advice =
            switch code {
            case ENOSPC, EDQUOT: "; make room on this worker's disk"
            case EACCES, EPERM, EROFS: "; this worker may not write there, start it with another --state"
            default: ""
            }
        return ObjectiveError("\(path): \(ChildProcess.words(code))\(advice).", mayRetry: true)
    }

    /// A name as one path component, different for different names.
    static func safeName(_ name: String) -> String {
        var result = ""
        for byte in name.utf8 {
            let scalar = Unicode.Scalar(byte)
            let isPlain =
                byte < 128 && (scalar.properties.isAlphabetic || (48...57).contains(byte) || byte == 45 || byte == 95)
                || (byte == 46 && !result.isEmpty)
            if isPlain {
                result.unicodeScalars.append(scalar)
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        // Names may have 255 bytes; what is cut off is told apart by its hash (FNV-1a).
        guard result.utf8.count > 200 else { return result.isEmpty ? "%" : result }
        let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(result.prefix(180)) + "%" + String(hash, radix: 16)
    }

    /// Parameters as one JSON object, in the space's order.
    static func json(_ parameters: [(name: String, value: ParameterValue)]) -> String {
        let members = parameters.map { name, value in
            let text =
                switch value {
                case .string(let text): ObjectiveJSON.quoted(text)
                case .float(let number) where !number.isFinite: ObjectiveJSON.text(number)
                default: value.text
                }
            return "\(ObjectiveJSON.quoted(name)): \(text)"
        }
        return "{" + members.joined(separator: ", ") + "}"
    }
}
