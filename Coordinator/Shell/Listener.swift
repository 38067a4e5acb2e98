import Glibc
import Messages
import ZeroMQ

/// One ROUTER and where it listens.
final class Listener {
    let socket: Socket
    /// Of TCP connections.
    let monitor: Monitor?
    private(set) var endpoints: [String] = []

    /// - Parameter keys: for TCP, which always speaks CURVE; nil for ipc in a folder of mode 0700.
    init(_ addresses: [String], keys: KeyPair?) throws(ZeroMQError) {
        var options = SocketOptions()
        options.maximumFrameBytes = Frame.maximumBytes
        options.maximumMessageBytes = Frame.maximumBytes
        options.maximumFrames = 1
        if let keys { options.security = .server(keys) }
        socket = try Socket(.router, options: options)
        monitor = try keys == nil ? nil : Monitor(socket)
        for address in addresses {
            // Left by a coordinator that was killed; the state's lock is ours.
            if address.hasPrefix("ipc://") { unsafe unlink(String(address.dropFirst(6))) }
            try socket.bind(address)
            endpoints.append(try socket.lastEndpoint)
        }
    }
}
