import Foundation
import Glibc
import Jobs
import Studies

/// `apex study …` on a state folder of its own.
struct StudyPrograms {
    let folder: String

    init() throws {
        // Short: a socket's path has at most 107 bytes.
        folder =
            FileManager.default.temporaryDirectory.appendingPathComponent("apex-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// Runs one command to its end.
    func study(_ words: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("apex")
        process.arguments = ["study"] + words + ["--state", folder, "--json"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw BenchFailure("apex study \(words[0]) failed") }
    }

    func stored(_ study: String) throws -> [Study.Trial] {
        try StudyFile(folder + "/studies.sqlite").read(study).trials
    }
}

/// As little as starting a program and reading what it prints can be.
enum BareProgram {
    static func run(_ words: [String]) {
        var ends: [Int32] = [-1, -1]
        unsafe precondition(pipe(&ends) == 0, "a pipe")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        let strings = unsafe words.map { unsafe strdup($0) }
        var process: pid_t = 0
        unsafe precondition(
            posix_spawnp(&process, words[0], &actions, nil, strings + [nil], environ) == 0, "\(words[0]) starts")
        unsafe posix_spawn_file_actions_destroy(&actions)
        for at in unsafe strings.indices { unsafe free(strings[at]) }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        // It is over, so all it printed is there; the other thread's program may hold the pipe open.
        var buffer = [UInt8](repeating: 0, count: 4096)
        unsafe precondition(read(ends[0], &buffer, buffer.count) > 0, "\(words[0]) prints")
        close(ends[0])
        close(ends[1])
    }
}
