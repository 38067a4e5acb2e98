import Foundation
import Glibc
import JSON
import Jobs
import Store

/// `trials.jsonl` of each study: one line for each trial that is over, written as it ends, in the order they ended.
final class TrialLines {
    private let folder: String
    /// Open files. Looked up, never iterated in hash order.
    private var files: [String: File] = [:]
    /// Lines of the batch at hand, by study.
    private var waiting: [(study: String, line: String)] = []

    private struct File {
        var descriptor: Int32
        /// Numbers that have their line.
        var numbers: Set<UInt32>
    }

    init(folder: String) { self.folder = folder }
    deinit { for file in files.values { close(file.descriptor) } }

    private func path(_ study: String) -> String { "\(folder)/\(study)/trials.jsonl" }

    /// Opens a study's file and cuts off a line that a crash tore.
    /// - Parameter over: of the trials in the database; where none is over, an older file is not this study's.
    func open(_ spec: Study.Spec, over: [Bool]) throws(DatabaseError) {
        guard files[spec.name] == nil else { return }
        let path = path(spec.name)
        do {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(spec.name)", withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch { throw failure(path, "making its folder: \(error.localizedDescription)") }
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path, "opening it: \(words(errno))") }
        var numbers: Set<UInt32> = []
        if let data = FileManager.default.contents(atPath: path) {
            let whole = data.lastIndex(of: 10).map { $0 + 1 } ?? 0
            for line in data[..<whole].split(separator: 10) {
                // Every line begins {"number":N,
                let digits = line.dropFirst(10).prefix { (48...57).contains($0) }
                if let number = UInt32(String(decoding: digits, as: UTF8.self)) { numbers.insert(number) }
            }
            if whole < data.count, ftruncate(descriptor, whole) != 0 {
                throw failure(path, "cutting off a torn line: \(words(errno))")
            }
        }
        files[spec.name] = File(descriptor: descriptor, numbers: numbers)
    }

    /// Another study takes the name: the file goes aside under the next free number.
    func setAside(_ study: String) {
        if let file = files.removeValue(forKey: study) { close(file.descriptor) }
        for number in 1... {
            let aside = "\(folder)/\(study)~\(number)"
            if unsafe access(aside, F_OK) != 0 {
                _ = unsafe rename("\(folder)/\(study)", aside)
                return
            }
        }
    }

    func append(_ trial: Study.Trial, _ spec: Study.Spec) {
        guard files[spec.name]?.numbers.contains(trial.number) == false else { return }
        waiting.append((spec.name, trial.json(spec).text + "\n"))
        files[spec.name]!.numbers.insert(trial.number)
    }

    /// The batch was not stored.
    func forget() {
        for file in files.values { close(file.descriptor) }
        files = [:]
        waiting = []
    }

    /// Writes what waits, down to the disk.
    func flush() throws(DatabaseError) {
        guard !waiting.isEmpty else { return }
        var at = 0
        while at < waiting.count {
            let study = waiting[at].study
            var bytes: [UInt8] = []
            while at < waiting.count, waiting[at].study == study {
                bytes += waiting[at].line.utf8
                at += 1
            }
            let descriptor = files[study]!.descriptor
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure(path(study), "writing: \(words(errno))", isFull: errno == ENOSPC) }
                rest = rest.dropFirst(count)
            }
            guard fdatasync(descriptor) == 0 else {
                throw failure(path(study), "writing: \(words(errno))", isFull: errno == ENOSPC)
            }
        }
        waiting = []
    }

    private func failure(_ path: String, _ what: String, isFull: Bool = false) -> DatabaseError {
        DatabaseError(
            cause: isFull ? .diskFull : .inputOutput,
            "\(path): \(what). Free some space or mend the folder, and go on; what was finished is kept.")
    }
    private func words(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
