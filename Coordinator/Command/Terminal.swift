import Glibc

/// The terminal in full-screen mode: the alternate screen, no cursor, keys as they are pressed. Everything is as before
/// when it is released.
final class Terminal {
    private var before = termios()
    /// A failed `init` runs `deinit` too.
    private var isChanged = false

    enum Key: Equatable {
        case character(Character)
        case up, down, enter, escape
    }

    /// - Returns: nil when input or output is no terminal.
    init?() {
        guard isTerminal(0), isTerminal(1), unsafe tcgetattr(0, &before) == 0 else { return nil }
        var raw = before
        unsafe cfmakeraw(&raw)
        guard unsafe tcsetattr(0, TCSANOW, &raw) == 0 else { return nil }
        isChanged = true
        // Alternate screen, no cursor, no wrapping: a line that is a little too wide must not push the others down.
        write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l")
    }
    deinit {
        guard isChanged else { return }
        write("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
        _ = unsafe tcsetattr(0, TCSANOW, &before)
    }

    /// Shows the lines from the top left corner, in one write, so that nothing flickers.
    func show(_ lines: [String]) {
        write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// Waits for keys, or for `other` to be readable.
    /// - Returns: nil when the terminal is gone.
    func keys(milliseconds: Int32, or other: Int32) -> [Key]? {
        var waits = [
            pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        guard unsafe poll(&waits, 2, milliseconds) > 0, waits[0].revents != 0 else { return [] }
        guard var bytes = read() else { return nil }
        // Over a slow line the rest of an arrow key's bytes may come a moment later.
        if bytes.last == 0x1B || bytes.suffix(2) == [0x1B, 0x5B] {
            if unsafe poll(&waits, 1, 50) > 0 { bytes += read() ?? [] }
        }
        return Self.keys(in: bytes)
    }

    private func read() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe Glibc.read(0, &bytes, bytes.count)
        return count > 0 ? Array(bytes[..<count]) : nil
    }

    /// Unknown sequences are left out whole, so that their letters do not act as keys.
    static func keys(in bytes: [UInt8]) -> [Key] {
        var keys: [Key] = []
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            switch byte {
            case 0x1B:
                guard at < bytes.count, bytes[at] == 0x5B || bytes[at] == 0x4F else {
                    keys.append(.escape)
                    continue
                }
                at += 1
                while at < bytes.count, !(0x40...0x7E).contains(bytes[at]) { at += 1 }
                if at < bytes.count, bytes[at] == 0x41 { keys.append(.up) }
                if at < bytes.count, bytes[at] == 0x42 { keys.append(.down) }
                at += 1
            case 0x0D, 0x0A: keys.append(.enter)
            case 0x03, 0x04: keys.append(.character("q"))  // Ctrl-C and Ctrl-D, which raw mode hands over as bytes
            case 0x20..<0x7F: keys.append(.character(Character(Unicode.Scalar(byte))))
            default: break
            }
        }
        return keys
    }

    private func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return }
            bytes = bytes.dropFirst(max(count, 0))
        }
    }
}
