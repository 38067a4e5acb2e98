import Foundation

/// A peer that runs beside the bench and answers each line it is sent with one.
final class PeerProcess {
    private let process = Process()
    private let commands = Pipe(), answers = Pipe()
    /// The line it said when it was ready.
    private(set) var greeting = ""

    /// Nil when it does not start; its own complaint is on standard error.
    init?(_ program: String, _ arguments: [String]) {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = commands
        process.standardOutput = answers
        do { try process.run() } catch { return nil }
        greeting = line()
        guard greeting.hasPrefix("ready") else { return nil }
    }
    deinit {
        try? commands.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func ask(_ command: String) -> [Double] {
        commands.fileHandleForWriting.write(Data((command + "\n").utf8))
        return line().split(separator: " ").map { Double($0) ?? .nan }
    }
    private func line() -> String {
        var bytes: [UInt8] = []
        while let byte = answers.fileHandleForReading.readData(ofLength: 1).first, byte != 10 { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// From the virtual environment that `APEX_PEERS` names, or the first on the path.
    static var python: String {
        ProcessInfo.processInfo.environment["APEX_PEERS"].map { $0 + "/bin/python3" } ?? "python3"
    }
    /// The path of a file in bench/peers.
    static func file(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "peers/" + name).path
    }
}
