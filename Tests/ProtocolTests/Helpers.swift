import Foundation
import Synchronization
import Testing
import ZeroMQ

/// A folder of mode 0700 that goes when the test ends. Its path is short: an ipc address has 107 characters at most.
final class Folder {
    let path: String
    init() throws {
        var template = Array("/tmp/apex-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { "\(path)/\(name)" }
    var ipc: String { "ipc://\(path)/s" }
}

/// Asks again and again, without a fixed sleep, until there is an answer; fails the test after `seconds`.
func eventually<Answer>(
    within seconds: Double = 10, _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ look: () throws -> Answer?
) throws -> Answer {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if let answer = try look() { return answer }
        usleep(1000)
    }
    Issue.record("after \(seconds) s still no \(what)", sourceLocation: sourceLocation)
    throw Late(what: what)
}
struct Late: Error { var what: String }

extension Socket {
    /// The next message, whatever comes before it in time; a refusal fails the test.
    borrowing func next(within seconds: Double = 10, sourceLocation: SourceLocation = #_sourceLocation) throws
        -> Message
    {
        var poller = Poller()
        let me = poller.add(self)
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            try poller.wait(milliseconds: 20)
            guard poller.isReadable(me), let receipt = try receive() else { continue }
            switch receipt {
            case .message(let message): return message
            case .refused(let refusal):
                Issue.record("refused \(refusal)", sourceLocation: sourceLocation)
                throw Late(what: "message")
            }
        }
        Issue.record("after \(seconds) s still no message", sourceLocation: sourceLocation)
        throw Late(what: "message")
    }

    /// Sends as soon as a connection takes it.
    borrowing func sendSoon(
        _ frames: [[UInt8]], to peer: Peer? = nil, sourceLocation: SourceLocation = #_sourceLocation
    )
        throws
    {
        let end = ContinuousClock.now + .seconds(10)
        var outcome = SendOutcome.wouldBlock
        while ContinuousClock.now < end {
            outcome = try send(frames, to: peer)
            if outcome == .sent { return }
            usleep(1000)
        }
        Issue.record("after 10 s still \(outcome)", sourceLocation: sourceLocation)
        throw Late(what: "connection")
    }
}

/// Bytes of this process in memory.
func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return Int(text.split(separator: " ")[1])! * sysconf(Int32(_SC_PAGESIZE))
}

/// A value that threads share.
final class Locked<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>
    init(_ value: Value) { mutex = Mutex(value) }
    func withLock<Answer: Sendable>(_ body: (inout Value) throws -> Answer) rethrows -> Answer {
        try mutex.withLock { value throws -> Answer in
            var copy = value
            defer { value = copy }
            return try body(&copy)
        }
    }
}
