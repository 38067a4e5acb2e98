import Foundation
import Glibc
import Synchronization
import TestSupport

/// Machines of one network: each a network namespace with one veth cable to a switch that this test is. The switch can
/// cut a cable in one direction or both, delay its frames and lose some: what `tc netem` does, on kernels without it too,
/// and each way by itself.
final class FaultNetwork: Sendable {
    /// How the cable of one machine is, seen from the machine.
    struct Cable: Sendable {
        var isOutCut = false, isInCut = false
        /// In each direction.
        var delayMilliseconds: Int64 = 0
        /// Of frames sent and received, in percent.
        var lossPercent = 0
    }
    static let ip = "/usr/sbin/ip"

    private let nodes: [String]
    private let prefix: String
    private let wires: FaultSwitch

    /// Why no network can be made here; nil when one can.
    static let obstacle: String? = {
        guard unsafe access(ip, X_OK) == 0 else { return "there is no \(ip) (Debian package iproute2)" }
        guard geteuid() == 0 else { return "network namespaces need root" }
        removeLeftovers()
        let name = "apex-\(getpid())-try"
        defer { _ = try? run(["netns", "del", name]) }
        guard let made = try? run(["netns", "add", name]), made.code == 0 else {
            return "network namespaces are not permitted here (ip netns add)"
        }
        let cable = ["-n", name, "link", "add", "v0", "type", "veth", "peer", "name", "v1"]
        guard let linked = try? run(cable), linked.code == 0 else { return "veth cables are not permitted here" }
        return nil
    }()

    /// Networks of tests that were killed themselves.
    private static func removeLeftovers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/var/run/netns")) ?? [] {
            let parts = name.split(separator: "-")
            guard parts.count >= 3, parts[0] == "apex", let process = Int32(parts[1]), kill(process, 0) != 0 else {
                continue
            }
            _ = try? run(["netns", "del", name])
        }
    }

    @discardableResult private static func run(_ arguments: [String]) throws -> Programs.Outcome {
        try Programs.run(ip, arguments)
    }

    /// - Parameters:
    ///   - nodes: names of machines; node n has the address `address(n)`.
    ///   - seed: of the losses.
    init(_ nodes: [String], seed: UInt64 = 1) throws {
        self.nodes = nodes
        prefix = "apex-\(getpid())-\(UInt16.random(in: 0...UInt16.max))-"
        let wire = prefix + "wire"
        try Self.must(["netns", "add", wire])
        for (at, node) in nodes.enumerated() {
            let name = prefix + node
            try Self.must(["netns", "add", name])
            try Self.must(["-n", wire, "link", "add", "p\(at)", "type", "veth", "peer", "name", "e0", "netns", name])
            try Self.must(["-n", wire, "link", "set", "p\(at)", "up", "promisc", "on"])
            try Self.must(["-n", name, "addr", "add", "10.77.0.\(at + 1)/24", "dev", "e0"])
            for device in ["lo", "e0"] { try Self.must(["-n", name, "link", "set", device, "up"]) }
        }
        wires = try FaultSwitch(ports: nodes.count, in: wire, seed: seed)
    }
    deinit {
        wires.stop()
        for name in nodes + ["wire"] { _ = try? Self.run(["netns", "del", prefix + name]) }
    }

    struct Failure: Error, CustomStringConvertible { var description: String }

    private static func must(_ arguments: [String]) throws {
        let outcome = try run(arguments)
        guard outcome.code == 0 else { throw Failure(description: "ip \(arguments): \(outcome.errors)") }
    }

    func address(_ node: String) -> String { "10.77.0.\(nodes.firstIndex(of: node)! + 1)" }
    /// Arguments of `ip` that run a program on a machine.
    func inside(_ node: String) -> [String] { ["netns", "exec", prefix + node] }
    func set(_ node: String, _ cable: Cable) {
        wires.set(nodes.firstIndex(of: node)!, cable)
    }
}

/// Takes every frame from the cable it came by to all others, when it is due.
final class FaultSwitch: Sendable {
    private let sockets: [Int32]
    private let cables: Mutex<[FaultNetwork.Cable]>
    private let isOver = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)
    private struct Frame {
        var due: Int64
        var port: Int
        var bytes: [UInt8]
    }

    /// - Parameters:
    ///   - ports: devices p0, p1, … of the namespace.
    ///   - seed: of the losses.
    init(ports: Int, in namespace: String, seed: UInt64) throws {
        // A socket belongs to the namespace its thread was in when it was made.
        sockets = Self.open(ports: ports, in: namespace)
        cables = Mutex(Array(repeating: FaultNetwork.Cable(), count: ports))
        guard !sockets.contains(where: { $0 < 0 }) else {
            throw FaultNetwork.Failure(description: "packet sockets in a network namespace are not permitted here")
        }
        Thread { self.forward(SplitMix(seed: seed)) }.start()
    }
    deinit { for socket in sockets where socket >= 0 { close(socket) } }

    func stop() {
        isOver.store(true, ordering: .releasing)
        ended.wait()
    }
    func set(_ port: Int, _ cable: FaultNetwork.Cable) { cables.withLock { $0[port] = cable } }

    private static let packetFamily: Int32 = 17  // AF_PACKET, linux/socket.h
    private static let everyProtocol: UInt16 = 0x0300  // ETH_P_ALL in network order
    private static let outgoing: UInt8 = 4  // PACKET_OUTGOING: what we sent ourselves

    private static func open(ports: Int, in namespace: String) -> [Int32] {
        let opened = Mutex<[Int32]>([])
        let done = DispatchSemaphore(value: 0)
        Thread {
            let file = unsafe Glibc.open("/var/run/netns/" + namespace, O_RDONLY | O_CLOEXEC)
            // int setns(int, int), which Swift's Glibc does not show; 0x40000000 is CLONE_NEWNET.
            typealias Enter = @convention(c) (Int32, Int32) -> Int32
            let found = unsafe dlsym(nil, "setns").map { unsafe unsafeBitCast($0, to: Enter.self) }
            let isThere = file >= 0 && found?(file, 0x4000_0000) == 0
            for port in 0..<ports { opened.withLock { $0.append(isThere ? packetSocket("p\(port)") : -1) } }
            close(file)
            done.signal()
        }.start()
        done.wait()
        return opened.withLock { $0 }
    }

    private static func packetSocket(_ device: String) -> Int32 {
        let packets = socket(packetFamily, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0x0300)
        guard packets >= 0 else { return -1 }
        var isOn: Int32 = 1
        // SOL_PACKET, PACKET_VNET_HDR: the sender left checksums to the card; the header before each frame says so.
        guard unsafe setsockopt(packets, 263, 15, &isOn, 4) == 0 else { return -1 }
        // struct sockaddr_ll: family, protocol, interface, then nothing that bind reads.
        var place = [UInt8](repeating: 0, count: 20)
        unsafe withUnsafeBytes(of: UInt16(packetFamily)) { for at in 0..<2 { unsafe place[at] = $0[at] } }
        unsafe withUnsafeBytes(of: everyProtocol) { for at in 0..<2 { unsafe place[2 + at] = $0[at] } }
        let number = Int32(unsafe if_nametoindex(device))
        unsafe withUnsafeBytes(of: number) { for at in 0..<4 { unsafe place[4 + at] = $0[at] } }
        let bound = unsafe place.withUnsafeBytes { bytes in
            unsafe bind(packets, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), 20)
        }
        return bound == 0 ? packets : -1
    }

    /// Until it is stopped.
    private func forward(_ chance: SplitMix) {
        var chance = chance
        var waiting: [Frame] = []
        var polled = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while !isOver.load(ordering: .acquiring) {
            let now = Int64(uptimeSeconds() * 1000)
            let next = waiting.map(\.due).min().map { max(0, min(20, $0 - now)) } ?? 20
            _ = unsafe poll(&polled, nfds_t(polled.count), Int32(next))
            for port in sockets.indices { receive(port, &waiting, &chance) }
            let moment = Int64(uptimeSeconds() * 1000)
            for frame in waiting where frame.due <= moment {
                _ = unsafe send(sockets[frame.port], frame.bytes, frame.bytes.count, Int32(MSG_DONTWAIT))
            }
            waiting.removeAll { $0.due <= moment }
        }
        ended.signal()
    }

    private func receive(_ port: Int, _ waiting: inout [Frame], _ chance: inout SplitMix) {
        var buffer = [UInt8](repeating: 0, count: 70_000)
        while true {
            var from = [UInt8](repeating: 0, count: 20)
            var fromBytes = socklen_t(20)
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe from.withUnsafeMutableBytes { place in
                    unsafe recvfrom(
                        sockets[port], bytes.baseAddress!, bytes.count, Int32(MSG_DONTWAIT),
                        place.baseAddress!.assumingMemoryBound(to: sockaddr.self), &fromBytes)
                }
            }
            guard count > 0 else { return }
            // sll_pkttype stands at byte 10.
            guard from[10] != Self.outgoing else { continue }
            let cables = cables.withLock { $0 }
            guard !cables[port].isOutCut, !isLost(cables[port], &chance) else { continue }
            let now = Int64(uptimeSeconds() * 1000)
            for other in sockets.indices where other != port {
                guard !cables[other].isInCut, !isLost(cables[other], &chance) else { continue }
                let delay = cables[port].delayMilliseconds + cables[other].delayMilliseconds
                waiting.append(Frame(due: now + delay, port: other, bytes: Array(buffer[..<count])))
            }
        }
    }

    private func isLost(_ cable: FaultNetwork.Cable, _ chance: inout SplitMix) -> Bool {
        cable.lossPercent > 0 && Int.random(in: 0..<100, using: &chance) < cable.lossPercent
    }
}
