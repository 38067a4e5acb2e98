import Foundation
import Testing

/// The repository's root, seen from this file.
private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

@Test func `each C library that the package links is among the Debian packages that make installs`() throws {
    let package = try String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let listed = try output("bash", [root.appendingPathComponent(".ci/packages").path, "--list"])
    let needed = [
        "CZeroMQ": "libzmq3-dev", "CSodium": "libsodium-dev", "CSQLite": "libsqlite3-dev", "CYAML": "libyaml-dev",
        "CDeflate": "libdeflate-dev", "COpenBLAS": "libopenblas-dev", "CCurl": "libcurl4-openssl-dev",
        "CHDF5": "libhdf5-dev", "CMicroHTTPD": "libmicrohttpd-dev",
    ]
    let linked = package.matches(of: /\.systemLibrary\(name: "(\w+)"/).map { String($0.output.1) }
    #expect(!linked.isEmpty)
    for library in linked {
        let name = try #require(needed[library], "say here which Debian package brings \(library)")
        #expect(listed.split(separator: "\n").contains(Substring(name)))
    }
}

@Test func `without Swift make says so in words and fails`() throws {
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [root.appendingPathComponent(".ci/packages").path]
    process.environment = ["PATH": "/nowhere"]
    process.standardError = errors
    try process.run()
    let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 1)
    #expect(words.hasPrefix("Swift is missing"))
}

private func output(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = pipe
    try process.run()
    let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self)
}
