import CoordinatorCore
import CoordinatorShell
import Foundation
import Messages
import Store
import TestSupport
import Testing

@Test(arguments: [false, true])
func `a coordinator that dies at any commit, before or after it, loses nothing acknowledged`(isStored: Bool) {
    var (commit, commits) = (1, 1)
    while commit <= commits {
        var simulation = Simulation.scripted()
        simulation.crash = (commit, isStored)
        let failure = simulation.run(faultsFor: 0)
        #expect(failure == nil, "commit \(commit)")
        commits = max(commits, min(simulation.commitCount, 400))
        commit += 1
    }
    #expect(commits > 50, "the script is long enough to have every kind of record")
}

/// A write-ahead log is a header and frames of a page each.
private let (walHeader, walFrame) = (32, 24 + 4096)

@Test func `a write-ahead log cut anywhere opens as it was after its last whole commit`() throws {
    var simulation = Simulation.scripted()
    simulation.keepsBatches = true
    #expect(simulation.run(faultsFor: 0) == nil)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("crash-points-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("state.sqlite").path

    // The log's length after each commit, and the state that the coordinator had then.
    var commits: [(length: Int, hash: UInt64)] = []
    var database = try StateDatabase(path: path)
    commits.append((try Data(contentsOf: URL(filePath: path + "-wal")).count, Core().stateHash))
    for batch in simulation.batches where !batch.records.isEmpty {
        try database.commit(batch.records)
        commits.append((try Data(contentsOf: URL(filePath: path + "-wal")).count, batch.hash))
    }
    let main = try Data(contentsOf: URL(filePath: path))
    let log = try Data(contentsOf: URL(filePath: path + "-wal"))
    try #require(commits.last!.length == log.count, "one log, never begun anew")
    #expect(zip(commits, commits.dropFirst()).allSatisfy { $0.length < $1.length })

    func hash(of log: Data) throws -> UInt64 {
        let copy = folder.appendingPathComponent("copy.sqlite").path
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: copy + suffix) }
        try main.write(to: URL(filePath: copy))
        try log.write(to: URL(filePath: copy + "-wal"))
        var database = try StateDatabase(path: copy)
        let core = Core(restoring: try database.load(), names: try database.workerNames(), at: 0)
        #expect(core.brokenInvariant() == nil)
        return core.stateHash
    }
    let frames = (log.count - walHeader) / walFrame
    for frame in 0...frames {
        for inside in frame < frames ? [0, 1, 24, 2000, walFrame - 1] : [0] {
            // Every place inside a frame is tried with one frame of seven, its boundaries with all.
            guard inside == 0 || frame % 7 == inside % 7 || frame < 8 else { continue }
            let length = walHeader + frame * walFrame + inside
            let expected = commits.last { $0.length <= length }?.hash ?? Core().stateHash
            #expect(try hash(of: log.prefix(length)) == expected, "cut at \(length)")
            // The file has its length already, and its last sectors were never written.
            let torn = log.prefix(length) + Data(count: log.count - length)
            if inside > 0 { #expect(try hash(of: torn) == expected, "torn at \(length)") }
        }
    }
    print("\(commits.count) commits, \(frames) frames")
}
