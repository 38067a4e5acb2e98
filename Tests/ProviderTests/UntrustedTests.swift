import Foundation
import HTTP
import Providers
import TestSupport
import Testing

/// A TLS server with a certificate that nobody vouches for, on an address of this machine that is not taken for it.
@Test func `a certificate that nobody vouches for is refused, before any key is sent`() throws {
    let folder = TemporaryFolder("untrusted")
    func openssl(_ words: [String]) throws -> Programs.Running {
        try Programs.Running("/usr/bin/env", ["openssl"] + words)
    }
    let made = try openssl([
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder.path + "/key.pem", "-out",
        folder.path + "/certificate.pem", "-days", "2", "-subj", "/CN=api.example.org",
    ]).wait()
    try #require(made.code == 0, "openssl is needed: \(made.errors)")
    // Its own port is said by nobody: one is tried after the other.
    var chosen: (port: Int, server: Programs.Running)?
    for port in stride(from: 20_000 + Int(getpid() % 20_000), to: 65_000, by: 997) {
        let server = try openssl([
            "s_server", "-accept", "127.0.0.2:\(port)", "-key", folder.path + "/key.pem", "-cert",
            folder.path + "/certificate.pem", "-www",
        ])
        if Programs.eventually({ server.output.contains("ACCEPT") || !server.process.isRunning }),
            server.process.isRunning
        {
            chosen = (port, server)
            break
        }
    }
    let (port, server) = try #require(chosen)
    defer { server.send(SIGKILL) }
    func get(_ host: String) -> HTTPFailure? {
        do throws(HTTPFailure) {
            _ = try HTTPClient().get(
                base: try ProviderHost("https://\(host):\(port)"), target: "/v2/x",
                headers: [.init("Authorization", "Bearer topsecret")], milliseconds: 5000)
            return nil
        } catch { return error }
    }
    guard case .untrusted = get("127.0.0.2") else {
        return #expect(Bool(false), "\(String(describing: get("127.0.0.2")))")
    }
    #expect(!server.output.contains("topsecret") && !server.errors.contains("topsecret"))
}
