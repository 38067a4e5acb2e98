import Foundation
import Glibc
import Synchronization
import TestSupport

/// The line by which an attacker reaches the coordinator: carries what it pushes no faster than a network would.
final class Line: Sendable {
    /// Where to connect instead: `tcp://127.0.0.1:port`.
    let endpoint: String
    private let listener: Int32
    private let target: UInt16
    private let secondsPerByte: Double
    /// When it has carried what it was given so far.
    private let isFree = Mutex(ContinuousClock.now)

    /// - Parameter gigabits: in a second.
    init(to target: UInt16, gigabits: Double) throws {
        self.target = target
        secondsPerByte = 8 / (gigabits * 1e9)
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard let port = Loopback.listen(listener) else { throw BenchFailure("no port for an attacker's line") }
        endpoint = "tcp://127.0.0.1:\(port)"
        Thread { [self] in
            while true {
                let near = accept(listener, nil, nil)
                guard near >= 0 else { continue }
                let far = Loopback.connect(to: target)
                Thread { [self] in carry(near, far, isPaced: true) }.start()
                Thread { [self] in carry(far, near, isPaced: false) }.start()
            }
        }.start()
    }

    /// Until either side has had enough. The descriptors stay: an attacker has few connections, and lives a few seconds.
    private func carry(_ from: Int32, _ to: Int32, isPaced: Bool) {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // Never more than there is room for.
            let count = unsafe recv(from, &bytes, bytes.count, 0)
            guard count > 0 else { break }
            if isPaced { wait(for: count) }
            var sent = 0
            while sent < count {
                let more = unsafe bytes.withUnsafeBytes {
                    unsafe send(to, $0.baseAddress! + sent, count - sent, 0x4000)
                }
                guard more > 0 else { break }
                sent += more
            }
            if sent < count { break }
        }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }

    private func wait(for count: Int) {
        let ahead = isFree.withLock { isFree in
            isFree = max(isFree, .now) + .seconds(Double(count) * secondsPerByte)
            return isFree - .now
        }
        if ahead > .zero { usleep(UInt32(ahead / .microseconds(1))) }
    }
}

/// Plain TCP on 127.0.0.1.
enum Loopback {
    /// - Returns: the port.
    static func listen(_ descriptor: Int32) -> UInt16? {
        var place = address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // The address is a local of the size that is told.
        return unsafe withUnsafeMutablePointer(to: &place) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                guard unsafe bind(descriptor, place, size) == 0, Glibc.listen(descriptor, 64) == 0,
                    unsafe getsockname(descriptor, place, &size) == 0
                else { return false }
                return true
            }
        } ? UInt16(bigEndian: place.sin_port) : nil
    }
    /// - Returns: a connection, or a descriptor without one.
    static func connect(to port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = address(port)
        // The address is a local of the size that is told.
        _ = unsafe withUnsafePointer(to: &place) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return descriptor
    }
    private static func address(_ port: UInt16) -> sockaddr_in {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return place
    }
}
