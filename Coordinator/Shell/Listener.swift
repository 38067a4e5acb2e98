import Foundation
import Messages
import ZeroMQ

/// One ROUTER and where it listens.
final class Listener {
    let socket: Socket
    /// Of TCP connections.
    let monitor: Monitor?
    let door: Door?
    private(set) var endpoints: [String] = []

    /// The first I/O thread serves this machine, the others share TCP. Eight, however few processors there are: what a
    /// connection makes its thread compute, a stranger's handshake above all (0.3 ms, and they come in bursts), only the
    /// connections of that thread wait for; the system shares the processors among threads. An idle one costs nothing.
    static let threads = 1 + 8

    /// - Parameters:
    ///   - keys: for TCP, which always speaks CURVE; nil for ipc in a folder of mode 0700.
    ///   - threads: as `SocketOptions.threads`.
    init(_ addresses: [String], keys: KeyPair?, threads: UInt64) throws(ZeroMQError) {
        var options = SocketOptions.messages(upTo: Frame.maximumBytes)
        options.threads = threads
        if let keys { options.security = .server(keys) }
        socket = try Socket(.router, options: options)
        monitor = try keys == nil ? nil : Monitor(socket)
        door = monitor.map { Door($0) }
        for address in addresses {
            // Left by a coordinator that was killed; the state's lock is ours.
            if address.hasPrefix("ipc://") { unsafe unlink(String(address.dropFirst(6))) }
            try socket.bind(address)
            endpoints.append(try socket.lastEndpoint)
        }
    }
}
