import CHDF5
import Glibc

/// Why a shard cannot be written or read: which file, what, and what to do.
package struct ShardError: Error, Equatable, CustomStringConvertible {
    package enum Cause: Sendable, Equatable {
        /// No such file, column or attribute.
        case missing
        /// Not an HDF5 file, or cut short, or not of the form that was expected.
        case damaged
        /// The place is taken by a shard of other contents.
        case differs
        case system
        case wrongUse
    }
    package var cause: Cause
    package var description: String
    package init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }

    /// In the words of the HDF5 library about this thread's last failed call.
    static func library(_ doing: String, _ path: String, _ cause: Cause = .system) -> ShardError {
        var words = [CChar](repeating: 0, count: 200)
        unsafe apex_h5_reason(&words)  // writes at most 200 bytes with its end
        let reason = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return ShardError(cause, "\(path): \(doing) failed: \(reason.isEmpty ? "HDF5 gives no reason" : reason)")
    }

    /// Reads errno.
    package static func system(_ doing: String, _ path: String) -> ShardError {
        let advice =
            switch errno {
            case ENOSPC, EDQUOT: "the disk is full; free some space, or give another folder"
            case EACCES, EPERM: "not permitted; give this user the right to write there"
            case EROFS: "the file system is read-only; give another folder"
            case let code: unsafe String(cString: strerror(code))
            }
        return ShardError(.system, "\(path): \(doing) failed: \(advice)")
    }
}
