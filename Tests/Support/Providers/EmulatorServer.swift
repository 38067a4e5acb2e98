import Foundation
import Synchronization

/// Emulated providers behind a real HTTP server on this machine: one connection a request, answered on a thread of its
/// own. Its clock is the real one unless it is told another.
package final class EmulatorServer: Sendable {
    /// Beside what a provider answers: bytes as they go over the line.
    package enum Answer: Sendable {
        case response(EmulatedResponse)
        case bytes([UInt8])
        /// So many zero bytes, announced as such.
        case flood(Int)
    }
    package typealias Handler = @Sendable (EmulatedRequest) -> Answer

    private struct State: Sendable {
        var requests: [EmulatedRequest] = []
        var heads: [String] = []
        var isStopped = false
    }
    private let state = Mutex(State())
    private let descriptor: Int32
    package let port: UInt16
    private let handler: Handler

    package init(_ handler: @escaping Handler) throws {
        self.handler = handler
        (descriptor, port) = try Loopback.listen()
        let thread = Thread { [self] in serve() }
        thread.start()
    }

    /// One provider's emulator, by the real clock.
    package convenience init(_ provider: FaultyProvider) throws {
        let shared = Mutex(provider)
        let held = Held(shared)
        try self.init { request in
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            let response = held.provider.withLock { provider in
                defer { provider.provider.ended() }
                return provider.answer(request, at: now)
            }
            return .response(response)
        }
    }
    private final class Held: Sendable {
        let provider: Mutex<FaultyProvider>
        init(_ provider: consuming Mutex<FaultyProvider>) { self.provider = provider }
    }

    package var address: String { "http://127.0.0.1:\(port)" }
    package var requests: [EmulatedRequest] { state.withLock { $0.requests } }
    /// As they came, to be searched for keys that should not be there.
    package var heads: [String] { state.withLock { $0.heads } }

    package func stop() {
        state.withLock { $0.isStopped = true }
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private func serve() {
        while true {
            let connection = accept(descriptor, nil, nil)
            if connection < 0 { return }
            let thread = Thread { [self] in
                answer(connection)
                close(connection)
            }
            thread.start()
        }
    }

    private func answer(_ connection: Int32) {
        var head: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]), head.count < 1 << 16 {
            // At most as many bytes as the array has.
            let count = unsafe recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            head += chunk[..<count]
        }
        let text = String(decoding: head, as: UTF8.self)
        let lines = text.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count == 3 else { return }
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return (String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }
        let request = EmulatedRequest(target: String(words[1]), headers: headers)
        state.withLock { state in
            state.requests.append(request)
            state.heads.append(text)
        }
        switch handler(request) {
        case .response(let response): send(response, connection)
        case .bytes(let bytes): send(bytes, connection)
        case .flood(let count):
            send(Array("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n".utf8), connection)
            let zeros = [UInt8](repeating: 48, count: 1 << 16)
            var left = count
            while left > 0, send(zeros, connection) { left -= zeros.count }
        }
    }

    private func send(_ response: EmulatedResponse, _ connection: Int32) {
        var length = response.body.count
        var body = response.body
        switch response.trouble {
        case .slow(let milliseconds): Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
        case .cut(let count): body = Array(body.prefix(count))
        case .wrongLength(let off): length += off
        case nil: break
        }
        var head = "HTTP/1.1 \(response.status) Emulated\r\nConnection: close\r\n"
        if response.status != 204 { head += "Content-Length: \(length)\r\n" }
        for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
        send(Array((head + "\r\n").utf8) + body, connection)
    }

    @discardableResult private func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            // From inside the array, and no further than its end.
            let count = unsafe bytes.withUnsafeBytes { source in
                unsafe Foundation.send(
                    connection, source.baseAddress! + sent, source.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
