import Foundation
import JSON
import TestSupport
import Testing

/// Charts by the programs, as a person draws them.
@Suite(.serialized)
struct RenderTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures").path
    private static let daily = ["--daily", fixtures + "/us-daily-cut.csv.gz"]

    /// A coordinator and two workers.
    private final class Cluster {
        let folder = TemporaryFolder("charts")
        private let up: Programs.Running
        var state: String { folder.path + "/s" }

        init() throws {
            up = try Programs.Running("apex", ["up", "--state", folder.path + "/s", "--workers", "2"])
            guard Programs.eventually(within: 60, { [up] in up.errors.contains("ready") }) else {
                throw Failure(description: "the cluster did not start: \(up.errors)")
            }
        }
        deinit {
            up.send(SIGTERM)
            _ = up.wait()
        }
        struct Failure: Error { var description: String }

        func words(_ out: String, _ options: [String]) -> [String] {
            ["submit", "render", "--state", state, "--out", folder.path + "/" + out, "--wait", "--json"] + options
        }
        func render(_ out: String, _ options: [String]) throws -> Programs.Outcome {
            try Programs.run("apex", words(out, options))
        }
        var workers: [Int32] { Programs.processes(with: ["apex-worker", state]) }

        /// Path and bytes of every file of a job, sorted.
        func files(_ out: String) -> [(path: String, bytes: Data)] {
            let root = folder.path + "/" + out
            let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
            return names.sorted().compactMap { name in
                FileManager.default.contents(atPath: root + "/" + name).map { (name, $0) }
            }
        }
    }

    @Test func `workers killed in the middle change no byte of what is drawn`() throws {
        let cluster = try Cluster()
        let options =
            Self.daily + [
                "--outputs", "png,bits,float32,int8", "--shard-events", "40", "--partition", "month,regime",
            ]
        let calm = try cluster.render("calm", options)
        #expect(calm.code == 0, "\(calm.errors)")
        let run = try Programs.Running("apex", cluster.words("killed", options))
        func shards() -> Int {
            cluster.files("killed").filter { $0.path.hasSuffix(".h5") && !$0.path.hasPrefix(".tmp") }.count
        }
        var kills = 0
        for wanted in [2, 6] {
            #expect(Programs.eventually(within: 60) { shards() >= wanted || !run.process.isRunning })
            guard run.process.isRunning, let victim = cluster.workers.first else { break }
            kill(victim, SIGKILL)
            kills += 1
        }
        let killed = run.wait()
        #expect(killed.code == 0, "\(killed.errors)")
        print("render=killed kills=\(kills)")
        #expect(kills > 0)
        let (a, b) = (cluster.files("calm"), cluster.files("killed"))
        #expect(a.map(\.path) == b.map(\.path))
        #expect(a.contains { $0.path.hasPrefix("by_regime/") } && a.contains { $0.path.hasPrefix("by_date/2017-03/") })
        for (mine, theirs) in zip(a, b) where mine.bytes != theirs.bytes { Issue.record("\(mine.path) differs") }
        // A manifest names every shard, with its hash.
        let manifest = JSONValue(
            String(decoding: try #require(b.first { $0.path == "manifest.json" }).bytes, as: UTF8.self))
        #expect(manifest?["shards"]?.array?.count == b.filter { $0.path.hasSuffix(".h5") }.count)
    }

    @Test func `minutes are drawn in five timeframes, and looked at`() throws {
        let cluster = try Cluster()
        let drawn = try cluster.render(
            "minutes",
            [
                "--minutes", Self.fixtures + "/us-minute-cut", "--timeframes", "1m,5m,15m,1h,1d", "--bars", "10",
                "--every", "10", "--grid",
            ])
        #expect(drawn.code == 0, "\(drawn.errors)")
        let images = try #require(drawn.json["images"] as? Double)
        #expect(images > 0 && images.truncatingRemainder(dividingBy: 5) == 0)
        let out = cluster.folder.path + "/minutes"
        let sheet = try Programs.run("apex", ["charts", out, "--sheet", cluster.folder.path + "/sheet.png"])
        #expect(sheet.code == 0, "\(sheet.errors)")
        #expect(
            FileManager.default.contents(atPath: cluster.folder.path + "/sheet.png")?.starts(with: [0x89, 0x50]) == true
        )
        let report = try String(contentsOfFile: out + "/report.html", encoding: .utf8)
        #expect(report.contains("data:image/png;base64,") && report.contains("15m"))
        let log = try String(contentsOfFile: out + "/render_log.csv", encoding: .utf8).split(separator: "\n")
        #expect(log.first?.hasPrefix("path,images,events,timeframes") == true)
        #expect(log.count > 1)
    }

    @Test func `what cannot be drawn says why, and leaves nothing`() throws {
        let cluster = try Cluster()
        func refused(_ options: [String], _ code: Int32, _ words: String) throws {
            let outcome = try cluster.render("refused", options)
            #expect(outcome.code == code, "\(options): \(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(options): \(outcome.errors)")
            #expect(cluster.files("refused").isEmpty)
        }
        try refused([], 2, "--daily")
        try refused(["--daily", "/nowhere.csv"], 1, "/nowhere.csv")
        try refused(Self.daily + ["--size", "100"], 2, "multiple of 8")
        try refused(Self.daily + ["--bars", "400"], 2, "at most 170 bars")
        try refused(Self.daily + ["--timeframes", "5m"], 2, "give --minutes")
        try refused(Self.daily + ["--style", "pattern", "--outputs", "bits"], 2, "two colours")
        try refused(Self.daily + ["--from", "2018-01-01"], 1, "no event can be drawn")
        try refused(Self.daily + ["--outputs", "jpeg"], 2, "jpeg")
        let path = cluster.folder.path + "/bad.csv"
        let rows = (0..<40).map { day in
            let date = "2017-01-\(day % 28 + 1 < 10 ? "0" : "")\(day % 28 + 1)"
            return ["A,\(date),nan,2,1,1,5", "B,\(date),1,1,2,1,5", "C/D,\(date),1,2,1,1,5"].joined(separator: "\n")
        }
        try ("symbol,date,open,high,low,close,volume\n" + rows.joined(separator: "\n")).write(
            toFile: path, atomically: true, encoding: .utf8)
        try refused(["--daily", path], 1, "no event can be drawn")
        // The same folder for other images.
        #expect(try cluster.render("taken", Self.daily + ["--from", "2017-03-31"]).code == 0)
        let before = cluster.files("taken").filter { $0.path.hasPrefix("by_date") }
        let again = try cluster.render("taken", Self.daily + ["--from", "2017-03-31", "--grid"])
        #expect(again.code == 1 && again.errors.contains("other contents"), "\(again.errors)")
        #expect(cluster.files("taken").filter { $0.path.hasPrefix("by_date") }.map(\.bytes) == before.map(\.bytes))
    }

    /// h5py, pandas and PyTorch's way of reading. Where Python has no h5py this says so.
    @Test func `h5py, pandas and a loader as PyTorch's read the shards`() throws {
        let python = ProcessInfo.processInfo.environment["APEX_PEERS"].map { $0 + "/bin/python3" } ?? "python3"
        let probe = try Programs.run("/usr/bin/env", [python, "-c", "import h5py, numpy, pandas, PIL"])
        guard probe.code == 0 else {
            print("MISSING PEER: \(python) lacks one of h5py, numpy, pandas, pillow; shards were not read by them")
            return
        }
        let cluster = try Cluster()
        let drawn = try cluster.render(
            "read", Self.daily + ["--outputs", "png,bits,float32,int8", "--from", "2017-03-30", "--shard-events", "37"])
        #expect(drawn.code == 0, "\(drawn.errors)")
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "read_charts.py").path
        let read = try Programs.run("/usr/bin/env", [python, script, cluster.folder.path + "/read"])
        #expect(read.code == 0, "\(read.errors)")
        #expect(read.output.contains("images agree in every form"), "\(read.output)")
    }
}
