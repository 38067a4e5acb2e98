import CLinux
import Configuration
import CoordinatorShell
import Foundation
import Glibc
import Hardware
import Messages

/// What is likely set wrong about a coordinator and its workers here: files, rights, addresses. What is wrong about the
/// machine is in `describe`.
enum DoctorSettings {
    static func lines(state: StateFolder, config: String?) -> [DoctorLine] {
        var settings = Configuration()
        var lines: [DoctorLine] = []
        if let config {
            do { settings = try Configuration(readingFrom: config) } catch {
                lines.append(
                    DoctorLine(.problem, "cluster.yaml", "\(error)", advice: "mend that line; nothing starts with it."))
            }
        }
        var folder = state
        if let keys = settings.coordinator.keys { folder.keys = absolute(keys) }
        return lines + owner(folder) + keys(folder) + addresses(settings, folder) + port(settings, folder)
            + programs(settings)
    }

    /// The state belongs to whoever runs this, and to nobody else.
    private static func owner(_ folder: StateFolder) -> [DoctorLine] {
        var facts = stat()
        guard unsafe stat(folder.path, &facts) == 0 else { return [] }
        var lines: [DoctorLine] = []
        if facts.st_uid != geteuid(), geteuid() != 0 {
            lines.append(
                DoctorLine(
                    .problem, "state", "\(folder.path) belongs to another user",
                    advice: "run as that user, or give another --state."))
        }
        if facts.st_mode & 0o022 != 0 {
            lines.append(
                DoctorLine(
                    .problem, "state", "\(folder.path) may be written by others", advice: "chmod 700 \(folder.path)"))
        }
        if unsafe access(folder.path, W_OK) != 0 {
            lines.append(
                DoctorLine(
                    .problem, "state", "\(folder.path) cannot be written",
                    advice: "check its rights, or give another --state."))
        }
        return lines
    }

    /// Secret keys that somebody else could read are refused at the start; a folder that others list is not, yet.
    private static func keys(_ folder: StateFolder) -> [DoctorLine] {
        guard let names = FileManager.default.enumerator(atPath: folder.keys) else { return [] }
        var lines: [DoctorLine] = []
        var facts = stat()
        if unsafe stat(folder.keys, &facts) == 0, facts.st_mode & 0o077 != 0 {
            lines.append(
                DoctorLine(
                    .warning, "keys", "\(folder.keys) is open to others", advice: "chmod 700 \(folder.keys)"))
        }
        while let name = names.nextObject() as? String {
            let path = folder.keys + "/" + name
            guard !name.hasSuffix(".pub"), unsafe stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
                facts.st_mode & 0o077 != 0
            else { continue }
            lines.append(
                DoctorLine(.problem, "keys", "the secret in \(path) can be read by others", advice: "chmod 600 \(path)")
            )
        }
        return lines
    }

    private static func addresses(_ settings: Configuration, _ folder: StateFolder) -> [DoctorLine] {
        let keys = KeyFolder(folder.keys)
        let isMissing = unsafe access(keys.own, F_OK) != 0
        let missing = DoctorLine(
            .problem, "keys", "other machines are listened to, and \(keys.own) is missing",
            advice: "apex keys init, or leave `listen:` out: the coordinator does not start like this.")
        return (isMissing && !settings.coordinator.listen.isEmpty ? [missing] : [])
            + settings.coordinator.listen.filter { $0.contains("//*:") || $0.contains("//0.0.0.0:") }.map {
                DoctorLine(
                    .warning, "listen", "\($0) is every network this machine is in",
                    advice: "name the address of the network that workers are in, unless a firewall guards the others.")
            }
    }

    private static func port(_ settings: Configuration, _ folder: StateFolder) -> [DoctorLine] {
        // A coordinator that runs here has its port.
        guard let port = settings.coordinator.metricsPort, !StateLock.isHeld(folder) else { return [] }
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return [] }
        defer { close(socket) }
        var yes: Int32 = 1
        unsafe setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isFree = unsafe withUnsafePointer(to: &address) {
            // A socket address of this family, as `bind` reads it.
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard !isFree else { return [] }
        return [
            DoctorLine(
                .problem, "metrics", "port \(port) of 127.0.0.1 is taken",
                advice: "give another metrics_port, or off: the coordinator does not start with this one.")
        ]
    }

    /// What programs of `command` tasks are kept from.
    private static func programs(_ settings: Configuration) -> [DoctorLine] {
        var lines: [DoctorLine] = []
        if let user = settings.worker.user {
            var (number, group): (UInt32, UInt32) = (0, 0)
            var groups = [UInt32](repeating: 0, count: 64)
            if unsafe apex_user(user, &number, &group, &groups, 64) < 0 {
                lines.append(
                    DoctorLine(
                        .problem, "worker.user", "there is no user \(user) here",
                        advice: "useradd --system \(user), or leave `user:` out."))
            } else if geteuid() != 0, number != geteuid() {
                lines.append(
                    DoctorLine(
                        .problem, "worker.user", "only root may start programs as \(user)",
                        advice: "run workers as root, or leave `user:` out."))
            }
        }
        if !settings.worker.hidesKeys {
            lines.append(
                DoctorLine(
                    .warning, "worker.hide_keys", "programs that people submit can read the keys",
                    advice: "leave hide_keys on, unless they run as another user."))
        } else {
            var spaces: [Int32] = [-1, -1]
            let failure = unsafe apex_hide([], 0, &spaces)
            for space in spaces where space >= 0 { close(space) }
            if failure != 0 {
                lines.append(
                    DoctorLine(
                        .warning, "namespaces",
                        "keys cannot be hidden from programs: \(unsafe String(cString: strerror(failure)))",
                        advice:
                            "allow user namespaces (sysctl user.max_user_namespaces), or run workers as root with `user:`."
                    ))
            }
        }
        return lines
    }
}
