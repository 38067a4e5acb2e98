import Configuration
import Glibc
import Synchronization

/// One event per line, one write to stderr each: `level=info event=joined coordinator=7`.
package enum Log {
    private static let minimum = Mutex(Configuration.LogLevel.info)

    /// Lines of a lower level are left out from now on.
    package static func setMinimum(_ level: Configuration.LogLevel) { minimum.withLock { $0 = level } }

    package static func info(_ event: String, _ fields: KeyValuePairs<String, any CustomStringConvertible> = [:]) {
        write(.info, event, fields)
    }
    package static func warning(_ event: String, _ fields: KeyValuePairs<String, any CustomStringConvertible> = [:]) {
        write(.warning, event, fields)
    }
    package static func error(_ event: String, _ fields: KeyValuePairs<String, any CustomStringConvertible> = [:]) {
        write(.error, event, fields)
    }

    private static func write(
        _ level: Configuration.LogLevel, _ event: String, _ fields: KeyValuePairs<String, any CustomStringConvertible>
    ) {
        guard level >= minimum.withLock({ $0 }) else { return }
        var line = "level=\(level) event=\(event)"
        for (key, value) in fields { line += " \(key)=\(quoted(value.description))" }
        let bytes = Array((line + "\n").utf8)
        // One write, so that lines of several threads do not mix. A log that cannot be written stops nothing.
        _ = unsafe Glibc.write(2, bytes, bytes.count)
    }

    /// As it is when it is one plain word; else in quotes, on one line.
    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 != 61 && $0 < 127 }
        if isPlain { return text }
        var result = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"", "\\": result += "\\\(character)"
            case "\n": result += "\\n"
            case _ where character.value < 32: result += " "
            default: result.unicodeScalars.append(character)
            }
        }
        return result + "\""
    }
}
