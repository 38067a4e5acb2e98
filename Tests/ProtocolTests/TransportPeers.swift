import Foundation
import Testing
import ZeroMQ

/// A plain stream connection to `tcp://127.0.0.1:PORT` or `ipc://PATH`, with a second's patience for each call.
final class RawConnection {
    private let descriptor: Int32
    init(_ endpoint: String) throws {
        let isLocal = endpoint.hasPrefix("ipc://")
        descriptor = socket(isLocal ? AF_UNIX : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        var (local, remote) = (sockaddr_un(), sockaddr_in())
        local.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &local.sun_path) { unsafe $0.copyBytes(from: endpoint.dropFirst(6).utf8) }
        remote.sin_family = sa_family_t(AF_INET)
        remote.sin_port = isLocal ? 0 : UInt16(endpoint.split(separator: ":").last!)!.bigEndian
        remote.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let failed = isLocal ? Self.connect(descriptor, &local) : Self.connect(descriptor, &remote)
        guard failed == 0 else { throw POSIXError(.ECONNREFUSED) }
    }
    deinit { close(descriptor) }
    private static func connect<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
        unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    /// - Returns: how many bytes the system took; less than 1 when the connection is closed.
    @discardableResult func write(_ bytes: [UInt8]) -> Int {
        unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
    /// Reads so many bytes, or what comes before the other side closes.
    @discardableResult func read(_ count: Int) -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            var bytes = [UInt8](repeating: 0, count: count - all.count)
            let got = unsafe recv(descriptor, &bytes, bytes.count, 0)
            if got <= 0 { break }
            all += bytes[..<got]
        }
        return all
    }
    /// Reads until the other side closes or is silent for a second.
    /// - Returns: whether it closed.
    func isClosed() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
            if count > 0 { continue }
            return count == 0 || errno == ECONNRESET || errno == EPIPE
        }
    }
    /// Exchanges the 64 bytes with which ZMTP 3.0 begins.
    /// - Returns: whether the other side speaks the same mechanism.
    func greet(_ mechanism: String) -> Bool {
        let name = Array(mechanism.utf8)
        write([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + name + [UInt8](repeating: 0, count: 52 - name.count))
        let answer = read(64)
        return answer.count == 64 && Array(answer[12..<12 + name.count]) == name
    }
}

/// A frame's header that announces `bytes`; flags: 1 more, 2 long, 4 command.
func header(_ flags: UInt8, _ bytes: Int) -> [UInt8] {
    [flags | 2] + (0..<8).map { UInt8(truncatingIfNeeded: bytes >> (56 - 8 * $0)) }
}

func curveServer(_ keys: KeyPair) throws -> Socket {
    var options = SocketOptions()
    options.security = .server(keys)
    let router = try Socket(.router, options: options)
    try router.bind("tcp://127.0.0.1:*")
    return router
}

/// A ZMTP client of another make over ipc, without security, that gives itself a routing id.
final class ForeignDealer {
    private let connection: RawConnection
    init(_ routingID: [UInt8], _ endpoint: String) throws {
        connection = try RawConnection(endpoint)
        guard connection.greet("NULL") else { throw Late(what: "greeting") }
        func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
            [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, UInt8(value.count)] + value
        }
        let ready =
            [5] + Array("READY".utf8) + property("Socket-Type", Array("DEALER".utf8)) + property("Identity", routingID)
        connection.write([4, UInt8(ready.count)] + ready)
        connection.read(2)  // the router is ready too
    }
    func send(_ frame: [UInt8]) { connection.write([0, UInt8(frame.count)] + frame) }
}
