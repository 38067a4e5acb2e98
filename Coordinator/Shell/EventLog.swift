import Configuration
import CoordinatorCore
import Foundation
import Glibc
import Messages
import Synchronization

/// `log.jsonl`: one JSON object a line, one write each. Bounded: at 64 MiB it is renamed to `log.jsonl.1`.
final class EventLog: Sendable {
    private static let maximumBytes = 64 << 20
    private let path: String
    private let minimum: Configuration.LogLevel
    private let echo: Bool
    private struct File: Sendable {
        var descriptor: Int32
        var bytes: Int
    }
    private let file: Mutex<File>

    /// - Parameters:
    ///   - minimum: lines of a lower level are left out.
    ///   - echo: also write each line to standard error, as `level=… event=… key=value`.
    init(_ path: String, from minimum: Configuration.LogLevel, echo: Bool) throws(JobError) {
        self.path = path
        self.minimum = minimum
        self.echo = echo
        file = Mutex(try Self.open(path))
    }
    deinit { file.withLock { _ = close($0.descriptor) } }

    private static func open(_ path: String) throws(JobError) -> File {
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw JobError("\(path): cannot be written; check who owns the folder.") }
        return File(descriptor: descriptor, bytes: max(0, Int(lseek(descriptor, 0, SEEK_END))))
    }

    func write(_ line: LogLine) {
        if let level = Configuration.LogLevel(rawValue: line.level.rawValue), level < minimum { return }
        if echo {
            let fields = line.fields.map { " \($0.0)=\($0.1)" }.joined()
            // One line, whatever a peer called itself.
            let plain = fields.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : String($0) }.joined()
            let text = Array("level=\(line.level.rawValue) event=\(line.event)\(plain)\n".utf8)
            _ = unsafe Glibc.write(2, text, text.count)
        }
        let milliseconds = Int(Date().timeIntervalSince1970 * 1000)
        var json = "{\"at\":\(milliseconds),\"level\":\"\(line.level.rawValue)\",\"event\":\"\(line.event)\""
        for (key, value) in line.fields {
            json += ",\"\(key)\":\"\(escape(value.trimmingCharacters(in: CharacterSet(charactersIn: "\""))))\""
        }
        let bytes = Array((json + "}\n").utf8)
        file.withLock { file in
            if file.bytes + bytes.count > Self.maximumBytes, unsafe rename(path, path + ".1") == 0 {
                if let fresh = try? Self.open(path) {
                    close(file.descriptor)
                    file = fresh
                }
            }
            // A full disk loses log lines, never the run.
            if unsafe Glibc.write(file.descriptor, bytes, bytes.count) == bytes.count { file.bytes += bytes.count }
        }
    }

    private func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": escaped += "\\\(scalar)"
            case "\n": escaped += "\\n"
            default: escaped += scalar.value < 32 ? " " : String(scalar)
            }
        }
        return escaped
    }
}
