import Glibc
import Messages

/// Why a blob cannot be had or kept: where, what, and what to do.
package struct BlobError: Error, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// It is not here.
        case missing
        /// Its bytes are not those its name promises. It was set aside: putting or fetching it again repairs it.
        case corrupt
        /// The cache's limit is reached and everything in it is in use.
        case full
        /// The caller asked for what makes no sense: bytes past the end, chunks out of order.
        case wrongUse
        /// The file system said no.
        case system
    }
    package var kind: Kind
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Reads errno.
    static func system(_ doing: String, _ path: String) -> BlobError {
        let advice =
            switch errno {
            case ENOSPC, EDQUOT: "the disk is full; free some space, or give another folder with --state"
            case EACCES, EPERM: "not permitted; give this user the right to read and write there"
            case EROFS: "the file system is read-only; give another folder with --state"
            case EMFILE, ENFILE: "too many open files; raise `ulimit -n`"
            case EIO: "the disk reports an error; check it before trusting what it holds"
            case let code: unsafe String(cString: strerror(code))
            }
        return BlobError(.system, "\(doing) \(path): \(advice)")
    }
}
