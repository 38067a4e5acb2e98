import Foundation
import JSON
import TestSupport
import Testing

/// Labels and training sets by real processes.
@Suite(.serialized)
struct LabelClusterTests {
    private static var minutes: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/us-minute-cut").path
    }
    private static var daily: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/us-daily-cut.csv.gz").path
    }

    /// Every file of the shards and manifests below a folder.
    private func files(_ folder: String) -> [String: Data] {
        var files: [String: Data] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
            if let data = FileManager.default.contents(atPath: folder + "/" + name) { files[name] = data }
        }
        return files
    }

    @Test func `bars become labels, labels training sets, and a worker killed on the way changes no byte`() throws {
        let folder = TemporaryFolder("labels")
        let state = folder.path + "/state"
        let up = try Programs.Running("apex", ["up", "--state", state, "--workers", "2"])
        #expect(Programs.eventually { up.errors.contains("ready") }, "\(up.errors)")
        func submit(_ words: [String]) throws -> Programs.Outcome {
            let outcome = try Programs.run("apex", ["submit"] + words + ["--state", state, "--wait", "--json"])
            #expect(outcome.code == 0, "\(words): \(outcome.errors)")
            return outcome
        }
        let minutes = ["label", "--minutes", Self.minutes, "--timeframes", "1m,15m,1d"]
        let calm = try submit(minutes + ["--out", folder.path + "/calm"])
        #expect((calm.json["events"] as? Int ?? 0) > 1000, "\(calm.output)")

        let out = folder.path + "/killed"
        let job = try Programs.Running(
            "apex", ["submit"] + minutes + ["--out", out, "--state", state, "--wait", "--json"])
        // Killed as soon as the job has begun to write, or at once where it was faster than that.
        #expect(Programs.eventually { FileManager.default.fileExists(atPath: out) || !job.process.isRunning })
        if let worker = Programs.processes(with: ["apex-worker", state, "local-1"]).first { kill(worker, SIGKILL) }
        #expect(job.wait().code == 0, "\(job.errors)")
        let before = files(folder.path + "/calm").filter { $0.key != "report.html" }
        var after = files(out).filter { $0.key != "report.html" }
        // What the killed worker was writing may be left under its temporary name; no reader looks there.
        after = after.filter { !$0.key.hasPrefix(".tmp/") }
        #expect(before.filter { !$0.key.hasPrefix(".tmp/") } == after)
        let report = String(decoding: files(out)["report.html"] ?? Data(), as: UTF8.self)
        for words in ["Tier C", "Class up", "LII", "outside the regular session", "<svg"] {
            #expect(report.contains(words), "\(words)")
        }

        _ = try submit(["label", "--daily", Self.daily, "--out", folder.path + "/daily"])
        let sets = try submit(
            ["aggregate", "--from", folder.path + "/daily", "--out", folder.path + "/sets", "--embargo", "2"])
        let splits = sets.json["splits"] as? [String: [String: Any]] ?? [:]
        #expect((splits["train"]?["rows"] as? Int ?? 0) > 100 && (splits["test"]?["rows"] as? Int ?? 0) > 100)
        // From a store each bar is known by who gave it; from a file by the file alone.
        let store = folder.path + "/bars.sqlite"
        // The same bars once more change nothing: they stay those of who gave them first.
        for (provider, tier) in [("polygon", "1"), ("tradier", "2")] {
            let given = try Programs.run(
                "apex",
                ["data", "import", Self.daily, "--store", store, "--provider", provider, "--tier", tier])
            #expect(given.code == 0, "\(given.errors)")
        }
        _ = try submit(["label", "--store", store, "--out", folder.path + "/stored"])
        _ = try submit(["render", "--store", store, "--every", "20", "--bars", "10", "--out", folder.path + "/drawn"])
        for (made, provider, tier) in [("stored", "polygon", 1), ("drawn", "polygon", 1), ("daily", "files", 3)] {
            let data = try #require(FileManager.default.contents(atPath: folder.path + "/\(made)/manifest.json"))
            let source = try #require(JSONValue(String(decoding: data, as: UTF8.self))?["sources"]?.array?.first)
            #expect(source["provider"]?.string == provider && source["tier"]?.double == Double(tier), "\(made)")
            let shares = source["providers"]?.array ?? []
            #expect(shares.count == 1 && shares[0]["bars"]?.double ?? 0 > 1000, "\(made): \(shares)")
        }
        let prune = try Programs.run("apex", ["prune", folder.path, "--json"])
        #expect(prune.code == 0 && prune.json["files"] as? Int == 0 && prune.json["applied"] as? Bool == false)
        up.send(SIGTERM)
        #expect(up.wait().code == 0, "\(up.errors)")
    }

    @Test func `words that make no sense are wrong use, and bars that are none say why`() throws {
        let folder = TemporaryFolder("labels")
        let out = ["--out", folder.path + "/out", "--state", folder.path + "/none"]
        let wrong = [
            ["label"], ["label", "--daily", Self.daily], ["label", "--daily", Self.daily, "--minutes", "x"] + out,
            ["label", "--daily", Self.daily, "--timeframes", "1m"] + out,
            ["label", "--daily", Self.daily, "--timeframes", "2m"] + out,
            ["label", "--daily", Self.daily, "--barriers", "2"] + out,
            ["label", "--daily", Self.daily, "--barriers", "0,1"] + out,
            ["aggregate"] + out, ["aggregate", "--from", folder.path, "--split", "70,20,20"] + out,
        ]
        for words in wrong {
            let outcome = try Programs.run("apex", ["submit"] + words)
            #expect(outcome.code == 2, "\(words): \(outcome.errors)")
        }
        let missing = try Programs.run("apex", ["submit", "aggregate", "--from", folder.path] + out)
        #expect(missing.code == 1 && missing.errors.contains("manifest.json"), "\(missing.errors)")
        let strange = folder.path + "/A B.csv"
        try Data("timestamp_ms,open,high,low,close,volume\n".utf8).write(to: URL(fileURLWithPath: strange))
        let symbol = try Programs.run("apex", ["submit", "label", "--minutes", strange] + out)
        #expect(symbol.code == 1 && symbol.errors.contains("name the file after its symbol"), "\(symbol.errors)")
        #expect(try Programs.run("apex", ["prune"]).code == 2)
    }
}
