import Foundation
import Glibc
import JSON
import Jobs
import Store

/// `trials.jsonl` of each study: one line for each trial that is over, written as it ends, in the order they ended.
///
/// Every line begins `{"number":N,` and is at most 1 MiB and a few letters long: of a trial with more, the intermediate
/// values and attributes are left out, and their count stands instead; `studies.sqlite` has them.
final class TrialLines {
    static let maximumLineBytes = 1 << 20
    private let folder: String
    /// Open files. Looked up, never walked in hash order where order shows.
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

    /// Opens a study's file, if it is not open, and cuts off a line that a crash tore.
    func open(_ study: String) throws(DatabaseError) {
        guard files[study] == nil else { return }
        let path = path(study)
        do {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(study)", withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch { throw failure(path, "making its folder: \(error.localizedDescription)") }
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path, "opening it: \(words(errno))", isFull: errno == ENOSPC) }
        var file = File(descriptor: descriptor, numbers: [])
        do throws(DatabaseError) { try read(&file, path) } catch {
            close(descriptor)
            throw error
        }
        files[study] = file
    }

    private func read(_ file: inout File, _ path: String) throws(DatabaseError) {
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw failure(path, "reading it: \(error.localizedDescription)")
        }
        let whole = data.lastIndex(of: 10).map { $0 + 1 } ?? 0
        for line in data[..<whole].split(separator: 10) {
            let digits = line.dropFirst(10).prefix { (48...57).contains($0) }
            if let number = UInt32(String(decoding: digits, as: UTF8.self)) { file.numbers.insert(number) }
        }
        if whole < data.count, ftruncate(file.descriptor, whole) != 0 {
            throw failure(path, "cutting off a torn line: \(words(errno))")
        }
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
        waiting.append((spec.name, Self.line(trial, spec) + "\n"))
        files[spec.name]!.numbers.insert(trial.number)
    }

    private static func line(_ trial: Study.Trial, _ spec: Study.Spec) -> String {
        let whole = trial.json(spec).text
        guard whole.utf8.count > maximumLineBytes else { return whole }
        var short = trial
        short.reports = []
        short.attributes = []
        guard case .object(var members) = short.json(spec) else { return whole }
        members.append(
            JSONValue.Member(
                key: "left_out",
                value: [
                    "intermediate": JSONValue(trial.reports.count), "attributes": JSONValue(trial.attributes.count),
                ]))
        return JSONValue.object(members).text
    }

    /// The batch was not stored.
    func forget() {
        for file in files.values { close(file.descriptor) }
        files = [:]
        waiting = []
    }

    /// Writes what waits, down to the disk.
    func flush() throws(DatabaseError) {
        var at = 0
        while at < waiting.count {
            let study = waiting[at].study
            var bytes: [UInt8] = []
            while at < waiting.count, waiting[at].study == study {
                bytes += waiting[at].line.utf8
                at += 1
            }
            do throws(DatabaseError) { try write(bytes, files[study]!.descriptor, path(study)) } catch {
                // What is written, and how much of a line, is read again from the file.
                forget()
                throw error
            }
        }
        waiting = []
    }

    private func write(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws(DatabaseError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, "writing: \(words(errno))", isFull: errno == ENOSPC) }
            rest = rest.dropFirst(count)
        }
        guard fdatasync(descriptor) == 0 else {
            throw failure(path, "writing: \(words(errno))", isFull: errno == ENOSPC)
        }
    }

    private func failure(_ path: String, _ what: String, isFull: Bool = false) -> DatabaseError {
        DatabaseError(
            cause: isFull ? .diskFull : .inputOutput,
            "\(path): \(what). Free some space or mend the folder, and go on; what was finished is kept.")
    }
    private func words(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
