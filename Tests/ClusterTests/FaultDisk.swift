import Foundation
import Store
import TestSupport
import Testing

/// A disk of a few megabytes, in memory: full when a test wants it.
final class SmallDisk {
    let path: String
    private let folder = TemporaryFolder("disk")

    /// Why no disk can be made here; nil when one can.
    static let obstacle: String? = {
        guard geteuid() == 0 else { return "mounting a tmpfs needs root" }
        guard (try? SmallDisk(megabytes: 1)) != nil else { return "mounting a tmpfs is not permitted here" }
        return nil
    }()

    init(megabytes: Int) throws {
        path = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.must("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0700", "tmpfs", path])
    }
    deinit { _ = try? Programs.run("/usr/bin/env", ["umount", "-l", path]) }

    /// A file that leaves `bytes` free.
    func fill(leaving bytes: Int) throws {
        let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
        let free = try #require(attributes[.systemFreeSize] as? Int)
        // Others write meanwhile: what does not fit any more is not a failure.
        _ = try Programs.run(
            "/usr/bin/env", ["dd", "if=/dev/zero", "of=\(ballast)", "bs=4k", "count=\(max(free - bytes, 4096) / 4096)"])
    }
    func free() throws { try FileManager.default.removeItem(atPath: ballast) }
    private var ballast: String { path + "/ballast" }

    private static func must(_ program: String, _ arguments: [String]) throws {
        try Programs.must(program, arguments)
    }
}

extension Programs {
    struct Failure: Error, CustomStringConvertible { var description: String }
    static func must(_ program: String, _ arguments: [String]) throws {
        let outcome = try run("/usr/bin/env", [program] + arguments)
        guard outcome.code == 0 else { throw Failure(description: "\(program) \(arguments): \(outcome.errors)") }
    }
}

@Suite(.serialized)
struct FaultDisk {
    @Test func `a coordinator on a full disk stops in words, its database whole, and goes on when there is room`()
        throws
    {
        if let obstacle = SmallDisk.obstacle { return skipped(because: obstacle) }
        let disk = try SmallDisk(megabytes: 24)
        let state = disk.path + "/s"
        let up = try Programs.Running("apex", ["up", "--state", state, "--workers", "1"])
        #expect(Programs.eventually { up.errors.contains("ready") }, "\(up.errors)")
        try disk.fill(leaving: 2 << 20)
        // 9 MB of results, each another, where 2 MB fit.
        let submitted = try Programs.run(
            "apex",
            ["submit", "command", "--state", state, "--count", "150", "--", "head", "-c", "60000", "/dev/urandom"])
        #expect(submitted.code == 0, "\(submitted.errors)")
        try #require(Programs.eventually { !up.process.isRunning }, "it goes on: \(up.errors)")
        let stopped = up.wait()
        #expect(stopped.code == 3, "\(stopped.errors)")
        for words in ["disk is full", "nothing acknowledged is lost"] {
            #expect(stopped.errors.contains(words), "\(stopped.errors)")
        }
        #expect(try StateFile.integrity(StateFile.path(state)) == "ok")
        let kept = try StateFile.accepted(state)
        #expect(kept.count < 150 && Set(kept).count == kept.count)

        try disk.free()
        let again = try Programs.Running("apex", ["up", "--state", state, "--workers", "1"])
        #expect(Programs.eventually { (try? StateFile.accepted(state).count) ?? 0 >= 150 }, "\(again.errors)")
        #expect(try StateFile.accepted(state).sorted() == Array(0..<150))
        #expect(try StateFile.accepted(state).prefix(kept.count) == kept[...], "what was stored stays")
        again.send(SIGTERM)
        #expect(again.wait().code == 0)
    }

    @Test func `a weekend whose disk fills resumes when there is room, to the same bytes`() throws {
        if let obstacle = SmallDisk.obstacle { return skipped(because: obstacle) }
        let calmFolder = TemporaryFolder("calm")
        let settings = ["--demo", "--seed", "5", "--universe", "256", "--cycles", "6", "--workers", "2", "--json"]
        let calm = try Programs.run("apex", ["weekend", "--out", calmFolder.path + "/w"] + settings)
        #expect(calm.code == 0, "\(calm.errors)")

        let disk = try SmallDisk(megabytes: 64)
        let out = disk.path + "/w"
        let weekend = try Programs.Running("apex", ["weekend", "--out", out] + settings)
        #expect(Programs.eventually(within: 60) { ((try? StateFile.accepted(out + "/state"))?.count ?? 0) >= 5 })
        try disk.fill(leaving: 0)
        try #require(Programs.eventually { !weekend.process.isRunning }, "it goes on: \(weekend.errors)")
        let stopped = weekend.wait()
        #expect(stopped.code == 3, "\(stopped.errors)")
        for words in ["disk is full", "apex resume"] { #expect(stopped.errors.contains(words), "\(stopped.errors)") }
        #expect(try StateFile.integrity(StateFile.path(out + "/state")) == "ok")
        try disk.free()
        let resumed = try Programs.run("apex", ["resume", out, "--workers", "2", "--json"])
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try groups(out) == groups(calmFolder.path + "/w"))

        // Now the results themselves do not fit: nothing half written stays, and the next try makes them whole.
        for file in ["run.sqlite", "report.html", "report.json"] {
            try FileManager.default.removeItem(atPath: out + "/" + file)
        }
        try disk.fill(leaving: 200 << 10)
        let unwritten = try Programs.run("apex", ["resume", out, "--workers", "1", "--json"])
        #expect(unwritten.code == 1 || unwritten.code == 3, "\(unwritten.errors)")
        #expect(unwritten.errors.contains("full") || unwritten.errors.contains("No space"), "\(unwritten.errors)")
        #expect(!FileManager.default.fileExists(atPath: out + "/run.sqlite"))
        try disk.free()
        let written = try Programs.run("apex", ["resume", out, "--workers", "1", "--json"])
        #expect(written.code == 0, "\(written.errors)")
        #expect(try groups(out) == groups(calmFolder.path + "/w"))
        #expect(try StateFile.integrity(out + "/run.sqlite") == "ok")
    }
}

/// Every value of the two tables of groups, in order: equal dumps are equal tables.
func groups(_ out: String) throws -> [String] {
    let database = try Database(path: out + "/run.sqlite", mode: .readOnly)
    var lines: [String] = []
    for table in ["candidate_groups", "final_groups"] {
        let rows = try database.prepare("SELECT * FROM \(table) ORDER BY rowid")
        while try rows.step() {
            lines.append(table + ":" + (0..<rows.columnCount).map { rows.text($0) }.joined(separator: "|"))
        }
    }
    return lines
}
