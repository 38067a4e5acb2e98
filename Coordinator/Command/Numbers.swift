import Foundation
import Glibc

// Numbers as people read them: short, the same in every locale.

/// 999, 1.23k, 45.6M, 7.89G: three figures at most.
func short(_ number: Double) -> String {
    guard number.isFinite else { return "?" }
    var value = number
    for suffix in ["", "k", "M", "G", "T", "P"] {
        if abs(value) < 999.5 || suffix == "P" {
            let decimals =
                (suffix.isEmpty && value == value.rounded()) || abs(value) >= 99.95 ? 0 : abs(value) >= 9.995 ? 1 : 2
            return fixed(value, decimals) + suffix
        }
        value /= 1000
    }
    return "?"
}
func short(_ number: UInt64) -> String { short(Double(number)) }

/// 512 B, 1.5 MiB, 23 GiB.
func bytesText(_ bytes: UInt64) -> String {
    var value = Double(bytes)
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024 { return fixed(value, unit == "B" || value >= 99.95 ? 0 : 1) + " " + unit }
        value /= 1024
    }
    return fixed(value, 1) + " TiB"
}

/// With so many decimals, and a point whatever the locale.
func fixed(_ number: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", locale: Locale(identifier: "en_US_POSIX"), number)
}

/// 0:07, 3:25, 2:03:25, 4d 02:03:25. Seconds are rounded up: 0:00 means now.
func clockTime(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let whole = Int(max(0, seconds).rounded(.up))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
    if days > 0 { return "\(days)d \(two(hours)):\(two(minutes)):\(two(whole % 60))" }
    if hours > 0 { return "\(hours):\(two(minutes)):\(two(whole % 60))" }
    return "\(minutes):\(two(whole % 60))"
}

/// 850ms, 12.3s, 4m05s, 3h12m, 2d03h: an age or a duration in a table.
func durationText(milliseconds: UInt64) -> String {
    let seconds = milliseconds / 1000
    func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    switch seconds {
    case 0: return "\(milliseconds)ms"
    case ..<60: return fixed(Double(milliseconds) / 1000, 1) + "s"
    case ..<3600: return "\(seconds / 60)m\(two(seconds % 60))s"
    case ..<86_400: return "\(seconds / 3600)h\(two(seconds / 60 % 60))m"
    default: return "\(seconds / 86_400)d\(two(seconds / 3600 % 24))h"
    }
}

/// Rows and columns of the terminal behind a descriptor; 80 × 24 when there is none or it does not say.
func terminalSize(of descriptor: Int32) -> (columns: Int, rows: Int) {
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
        return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
}

func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
