import Foundation
import HTTP
import Market
import Providers
import TestSupport
import Testing

private func get(
    _ address: String, _ target: String = "/v2/x", headers: [HTTPRequest.Field] = [], maximumBytes: Int = 1 << 20,
    milliseconds: UInt64 = 5000
) -> Result<HTTPResponse, HTTPFailure> {
    do throws(HTTPFailure) {
        let client = try HTTPClient(maximumBytes: maximumBytes)
        return .success(
            try client.get(
                base: try ProviderHost(address), target: target, headers: headers, milliseconds: milliseconds))
    } catch { return .failure(error) }
}
private func withServer(_ answer: EmulatorServer.Answer, _ body: (EmulatorServer) throws -> Void) throws {
    let server = try EmulatorServer { _ in answer }
    defer { server.stop() }
    try body(server)
}

@Test func `an answer arrives with status, headers and body`() throws {
    try withServer(.response(EmulatedResponse(429, #"{"a":1}"#, headers: [("Retry-After", "7")]))) { server in
        let response = try get(server.address, headers: [.init("Authorization", "Bearer k")]).get()
        #expect(response.status == 429)
        #expect(response.header("retry-after") == "7")
        #expect(response.body == Array(#"{"a":1}"#.utf8))
        #expect(server.requests[0].header("authorization") == "Bearer k")
        #expect(server.requests[0].path == "/v2/x")
    }
}

@Test func `a redirect is an answer, and nobody at its other end is asked`() throws {
    try withServer(.response(EmulatedResponse(200, "{}"))) { other in
        let location = other.address
        try withServer(.response(EmulatedResponse(302, "", headers: [("Location", location)]))) { server in
            let response = try get(server.address, headers: [.init("Authorization", "Bearer secret")]).get()
            #expect(response.status == 302)
            #expect(other.requests.isEmpty)
        }
    }
}

@Test func `two gigabytes are refused, announced or not, and so is a small gzip that holds as much`() throws {
    try withServer(.flood(2 << 30)) { server in
        #expect(get(server.address) == .failure(.tooLarge(limitBytes: 1 << 20)))
    }
    let unannounced = Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + [UInt8](repeating: 48, count: 2 << 20)
    try withServer(.bytes(unannounced)) { server in
        #expect(get(server.address) == .failure(.tooLarge(limitBytes: 1 << 20)))
    }
    // 64 MiB of zeros, some 64 kB compressed: made by hand of one repeated deflate block.
    let bomb = try gzip(zeros: 64 << 20)
    #expect(bomb.count < 1 << 20)
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n"
    try withServer(.bytes(Array(head.utf8) + bomb)) { server in
        #expect(get(server.address) == .failure(.tooLarge(limitBytes: 1 << 20)))
        let whole = try get(server.address, maximumBytes: 65 << 20).get()
        #expect(whole.body.count == 64 << 20)
    }
}
private func gzip(zeros: Int) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "head -c \(zeros) /dev/zero | gzip -9"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Array(data)
}

@Test func `a cut answer, a wrong length and a slow one are failures, not shorter answers`() throws {
    @Sendable func answer(_ trouble: EmulatedResponse.Trouble) -> EmulatedResponse {
        var response = EmulatedResponse(200, #"{"status":"OK","results":[]}"#)
        response.trouble = trouble
        return response
    }
    for trouble in [EmulatedResponse.Trouble.cut(afterBytes: 5), .wrongLength(10)] {
        try withServer(.response(answer(trouble))) { server in
            guard case .failure(.cut) = get(server.address) else { return #expect(Bool(false), "\(trouble)") }
        }
    }
    try withServer(.response(answer(.slow(2000)))) { server in
        #expect(get(server.address, milliseconds: 200) == .failure(.timeout))
    }
    // A length too short ends the JSON early: that is seen when it is read.
    try withServer(.response(answer(.wrongLength(-3)))) { server in
        let short = try get(server.address).get()
        #expect(JSONBody(short.body) == nil)
    }
}

@Test func `who is not there, or speaks no TLS, gets no key`() throws {
    try withServer(.response(EmulatedResponse(200, "{}"))) { server in
        let encrypted = "https://127.0.0.1:\(server.port)"
        guard case .failure = get(encrypted, headers: [.init("Authorization", "Bearer secret")]) else {
            return #expect(Bool(false), "plain HTTP is no TLS")
        }
        #expect(!server.heads.contains { $0.contains("secret") })
    }
    guard case .failure(.unreachable) = get("http://127.0.0.1:1") else { return #expect(Bool(false), "nobody listens") }
}

@Test func `keys go over https only, or to this machine`() {
    for address in ["http://api.polygon.io", "ftp://x", "https://", "https://user@host", "https://h?x=1", "polygon.io"]
    {
        #expect((try? ProviderHost(address)) == nil, "\(address)")
    }
    #expect((try? ProviderHost("https://api.polygon.io/"))?.address == "https://api.polygon.io")
    #expect((try? ProviderHost("http://127.0.0.1:8080/v1/api"))?.isLocal == true)
}
