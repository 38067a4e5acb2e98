import CDeflate
import CSQLite
import CSodium
import CYAML
import CZeroMQ
import Glibc
import JSON
import Messages

/// `apex version`: this program's and its libraries'.
enum VersionCommand: Subcommand {
    static let name = "version"
    static let summary = "print the versions of this program and its libraries"
    static let help = """
        usage: apex version [--json]

          --json   {"apex","libzmq","libsodium","sqlite","libyaml","libdeflate","system"}

        example: apex version
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        try arguments.finishWithoutTrailing()
        let versions = [("apex", codeVersion)] + libraries + [("system", system)]
        if json {
            printJSON(.object(versions.map { JSONValue.Member(key: $0.0, value: .string($0.1)) }))
        } else {
            for (name, version) in versions { print(name + String(repeating: " ", count: 12 - name.count) + version) }
        }
        return .done
    }

    /// As loaded now, which may be newer than what was compiled against; libdeflate tells only the latter.
    private static var libraries: [(String, String)] {
        var major: Int32 = 0
        var minor: Int32 = 0
        var patch: Int32 = 0
        unsafe zmq_version(&major, &minor, &patch)
        return [
            ("libzmq", "\(major).\(minor).\(patch)"),
            // Each of the three returns a constant string.
            ("libsodium", unsafe String(cString: sodium_version_string())),
            ("sqlite", unsafe String(cString: sqlite3_libversion())),
            ("libyaml", unsafe String(cString: yaml_get_version_string())),
            ("libdeflate", LIBDEFLATE_VERSION_STRING),
        ]
    }

    private static var system: String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "unknown" }
        func text<Field>(_ field: Field) -> String {
            unsafe withUnsafeBytes(of: field) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        return "\(text(name.sysname)) \(text(name.release)) \(text(name.machine))"
    }
}
