import Foundation

/// A peer that runs beside the bench and answers each line it is sent with one.
final class PeerProcess {
    private let process = Process()
    private let commands = Pipe(), answers = Pipe()
    private let folder = FileManager.default.temporaryDirectory.appending(path: "apex-bench-\(UUID().uuidString)")
    /// The line it said when it was ready.
    private(set) var greeting = ""

    /// Nil when it does not start; its own complaint is on standard error, unless it chatters there.
    init?(_ program: String, _ arguments: [String], chatters: Bool = false) {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = commands
        process.standardOutput = answers
        if chatters { process.standardError = FileHandle.nullDevice }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try process.run()
        } catch { return nil }
        greeting = line()
        guard greeting.hasPrefix("ready") else { return nil }
    }
    deinit {
        try? commands.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// A script of bench/peers that reads `input`, a file's bytes, before it is ready.
    convenience init?(script: String, input: Data, _ arguments: [String] = [], chatters: Bool = false) {
        let file = FileManager.default.temporaryDirectory.appending(path: "apex-bench-\(UUID().uuidString).input")
        guard (try? input.write(to: file)) != nil else { return nil }
        defer { try? FileManager.default.removeItem(at: file) }
        self.init(Self.python, [Self.file(script), file.path] + arguments, chatters: chatters)
    }

    func ask(_ command: String) -> [Double] {
        send(command)
        return line().split(separator: " ").map { Double($0) ?? .nan }
    }
    /// What it writes to the file that is named after `command`; empty when it fails.
    func bytes(_ command: String) -> [UInt8] {
        let output = folder.appending(path: "output")
        send(command + " " + output.path)
        guard line() == "done", let bytes = try? Data(contentsOf: output) else { return [] }
        return Array(bytes)
    }
    private func send(_ command: String) { commands.fileHandleForWriting.write(Data((command + "\n").utf8)) }
    private func line() -> String {
        var bytes: [UInt8] = []
        while let byte = answers.fileHandleForReading.readData(ofLength: 1).first, byte != 10 { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// From the virtual environment that `APEX_PEERS` names, or the first on the path.
    static var python: String {
        ProcessInfo.processInfo.environment["APEX_PEERS"].map { $0 + "/bin/python3" } ?? "python3"
    }
    /// What a script of bench/peers prints; nil when it, or what it needs, is not here.
    static func output(_ script: String, _ arguments: [String], python: String = python) -> String? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [python, file(script)] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(scalar) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus == 0 ? text : nil
    }
    /// Optuna's suggestions on integers depend on NumPy's SIMD sort; ours follow the scalar one.
    static let scalar = ["NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"]
    /// The path of a file in bench/peers.
    static func file(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "peers/" + name).path
    }
}
