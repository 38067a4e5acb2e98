import Foundation
import Glibc

/// Plain TCP on 127.0.0.1.
package enum Loopback {
    /// A descriptor that listens, at a port that was free.
    package static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // The address is a local of the size that is told, before and after.
        let listens = unsafe withUnsafeMutablePointer(to: &place) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                unsafe bind(descriptor, place, size) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, place, &size) == 0
            }
        }
        guard listens else { throw POSIXError(.EADDRNOTAVAIL) }
        return (descriptor, UInt16(bigEndian: place.sin_port))
    }

    /// - Returns: nil where nobody listens.
    package static func connect(to port: UInt16) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = address(port)
        // The address is a local of the size that is told.
        let failed = unsafe withUnsafePointer(to: &place) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard failed != 0 else { return descriptor }
        close(descriptor)
        return nil
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return place
    }
}

/// Stands between those who connect to it and a port, and can hold up what passes. The descriptors of connections stay
/// until the process ends: tests and attackers have few.
package final class Relay: Sendable {
    package enum Way: Sendable { case there, back }
    package let port: UInt16
    private let listener: Int32

    /// - Parameter waits: waits as long as it likes; called before anything is read, with 0 bytes, and before what was
    ///   read is carried on.
    package init(to target: UInt16, waits: @escaping @Sendable (Way, _ bytes: Int) -> Void) throws {
        let (listener, port) = try Loopback.listen()
        self.listener = listener
        self.port = port
        Thread {
            while case let near = accept(listener, nil, nil), near >= 0 {
                guard let far = Loopback.connect(to: target) else {
                    close(near)
                    continue
                }
                Thread { Self.carry(near, far) { waits(.there, $0) } }.start()
                Thread { Self.carry(far, near) { waits(.back, $0) } }.start()
            }
        }.start()
    }
    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// Until either side has had enough.
    private static func carry(_ from: Int32, _ to: Int32, _ waits: (_ bytes: Int) -> Void) {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        carrying: while true {
            waits(0)
            // Never more than there is room for.
            let count = unsafe recv(from, &bytes, bytes.count, 0)
            guard count > 0 else { break }
            waits(count)
            var sent = 0
            while sent < count {
                let more = unsafe bytes.withUnsafeBytes {
                    unsafe send(to, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                }
                guard more > 0 else { break carrying }
                sent += more
            }
        }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }
}
