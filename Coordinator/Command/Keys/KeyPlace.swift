import Configuration
import CoordinatorShell
import Foundation
import Glibc
import Messages

/// The coordinator whose keys a command changes: it need not run.
struct KeyPlace {
    let state: StateFolder
    let keys: KeyFolder
    private let configuration: Configuration?

    /// Takes `--state` and `--config`.
    init(_ arguments: inout Arguments) throws {
        let named = try arguments.value("--state")
        configuration = try arguments.value("--config").map { try Configuration(readingFrom: $0) }
        state = StateFolder(absolute(named ?? configuration?.coordinator.state ?? Place.defaultState))
        keys = KeyFolder(configuration?.coordinator.keys ?? state.keys)
    }

    /// Where other machines find the coordinator.
    /// - Parameter given: what the user says it is.
    func address(_ given: String?) throws -> String {
        if let given {
            guard isReachable(given) else {
                throw UsageError("--address is \(given); give tcp://HOST:PORT as other machines reach this one.")
            }
            return given
        }
        // What it listens on now, else what it will listen on.
        let running = StateLock.isHeld(state) ? try? Client(.local(state), patience: .seconds(2)).status() : nil
        let listens = running?.coordinator.listen ?? configuration?.coordinator.listen ?? []
        guard let first = listens.first(where: { $0.hasPrefix("tcp://") }) else {
            throw UsageError(
                "the coordinator \(running == nil ? "does not run" : "listens on no tcp address"); start it with "
                    + "--listen tcp://ADDRESS:7117, or say where it will be with --address tcp://ADDRESS:7117.")
        }
        let port = first.split(separator: ":").last.map(String.init) ?? ""
        if first.hasPrefix("tcp://0.0.0.0:") || first.hasPrefix("tcp://*:") {
            return "tcp://\(Self.hostAddress() ?? "127.0.0.1"):\(port)"
        }
        return first
    }

    private func isReachable(_ address: String) -> Bool {
        let parts = address.dropFirst("tcp://".count).split(separator: ":", omittingEmptySubsequences: false)
        guard address.hasPrefix("tcp://"), parts.count == 2, let port = UInt16(parts[1]), port > 0 else { return false }
        let letters = parts[0].utf8.allSatisfy { $0 > 44 && $0 < 123 && $0 != UInt8(ascii: "/") }
        return letters && !parts[0].isEmpty && parts[0] != "0.0.0.0"
    }

    /// This machine's first IPv4 address that is not its own loop.
    private static func hostAddress() -> String? {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return nil }
        defer { unsafe freeifaddrs(first) }
        var next = unsafe first
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard let address = unsafe entry.pointee.ifa_addr, unsafe address.pointee.sa_family == UInt16(AF_INET),
                unsafe entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) == 0
            else { continue }
            var text = [CChar](repeating: 0, count: 64)
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            // The family says it is a sockaddr_in; the name fits 64 bytes.
            guard unsafe getnameinfo(address, size, &text, 64, nil, 0, NI_NUMERICHOST) == 0 else { continue }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return nil
    }
}
