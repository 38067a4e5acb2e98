import Foundation
import JSON
import Market
import Messages
import TestSupport
import Testing

/// Training sets of images by the programs: where each row is from, and how it is loaded.
@Suite(.serialized)
struct TrainingSetTests {
    private static let daily = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/us-daily-cut.csv.gz").path
    private static let bars = 20

    /// Images of daily bars, labels of them, and a training set of both.
    private func makeSets(_ folder: String) throws {
        let state = folder + "/s"
        let up = try Programs.Running("apex", ["up", "--state", state, "--workers", "2"])
        #expect(Programs.eventually(within: 60) { up.errors.contains("ready") }, "\(up.errors)")
        defer {
            up.send(SIGTERM)
            _ = up.wait()
        }
        func submit(_ kind: String, _ words: [String]) throws {
            let outcome = try Programs.run("apex", ["submit", kind, "--state", state, "--wait", "--json"] + words)
            #expect(outcome.code == 0, "\(kind): \(outcome.errors)")
        }
        try submit(
            "render",
            [
                "--daily", Self.daily, "--out", folder + "/charts", "--size", "128", "--bars", "\(Self.bars)",
                "--every",
                "3", "--outputs", "png,bits",
            ])
        try submit("label", ["--daily", Self.daily, "--out", folder + "/labels"])
        try submit(
            "aggregate",
            [
                "--from", folder + "/charts", "--labels", folder + "/labels", "--out", folder + "/sets", "--embargo",
                "2",
            ])
    }
    private func object(_ value: Any?) -> [String: Any] { value as? [String: Any] ?? [:] }

    @Test func `any row of a training set is followed back to shard, blob, bars, file and code`() throws {
        let folder = TemporaryFolder("lineage")
        try makeSets(folder.path)
        let manifest = JSONValue(
            String(
                decoding: FileManager.default.contents(atPath: folder.path + "/sets/manifest.json") ?? Data(),
                as: UTF8.self))
        let rows = Int(manifest?["rows"]?.double ?? 0)
        #expect(rows > 100)
        let source = BlobID(of: try InputFile.bytes(path: Self.daily)).description
        for row in [0, rows / 2, rows - 1] {
            let traced = try Programs.run("apex", ["lineage", folder.path + "/sets", "\(row)", "--json"])
            #expect(traced.code == 0, "\(traced.errors)")
            let links = (traced.json["links"] as? [Any])?.map(object) ?? []
            #expect(links.compactMap { $0["schema"] as? String } == ["apex-dataset", "apex-charts", "apex-labels"])
            guard links.count == 3 else { continue }
            let (own, image, label) = (links[0], links[1], links[2])
            #expect(own["source_shard"] as? String == image["content_hash"] as? String)
            #expect(own["source_row"] as? Int == image["row"] as? Int)
            #expect(own["label_shard"] as? String == label["content_hash"] as? String)
            #expect(own["input_blob"] as? String == image["input_blob"] as? String)
            for key in ["symbol", "known_time"] {
                #expect(own[key] as? String == image[key] as? String)
                #expect(own[key] as? String == label[key] as? String)
            }
            #expect((label["label_end"] as? String ?? "") > (label["known_time"] as? String ?? "9"))
            #expect((image["first_time"] as? String ?? "9") < (image["time"] as? String ?? ""))
            let picture = try #require(image["picture"] as? String)
            #expect(FileManager.default.fileExists(atPath: picture))
            for link in links {
                #expect(link["named_by_manifest"] as? Bool == true)
                #expect((link["code_version"] as? String ?? "").hasPrefix("\(codeVersion)/"))
            }
            for link in [image, label] {
                let files = (link["files"] as? [Any])?.map(object) ?? []
                #expect(files.compactMap { $0["name"] as? String } == ["us-daily-cut.csv.gz"])
                #expect(files.first?["hash"] as? String == source)
            }
        }
        // A shard by itself answers too, for people.
        let first = try #require(manifest?["shards"]?.array?.first?["path"]?.string)
        let words = try Programs.run("apex", ["lineage", folder.path + "/sets/" + first, "0"])
        #expect(words.code == 0 && words.output.contains("training row: row 0 of "), "\(words.errors)")
        #expect(
            words.output.contains("us-daily-cut.csv.gz, contents \(source); provider files"), "\(words.output)")

        func refused(_ path: String, _ row: String, _ code: Int32, _ expected: String) throws {
            let outcome = try Programs.run("apex", ["lineage", path, row])
            #expect(outcome.code == code && outcome.errors.contains(expected), "\(row): \(outcome.errors)")
        }
        try refused(folder.path + "/sets", "\(rows)", 1, "its rows are 0 to \(rows - 1)")
        try refused(folder.path + "/sets", "first", 2, "no row")
        try refused(folder.path + "/nothing", "0", 1, "nothing")
        // What it was made of was changed, and then is gone.
        let link = try Programs.run("apex", ["lineage", folder.path + "/sets", "0", "--json"])
        let shard = try #require(((link.json["links"] as? [Any])?.map(object) ?? [])[1]["shard"] as? String)
        let handle = try #require(FileHandle(forWritingAtPath: shard))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data([0]))
        try handle.close()
        try refused(folder.path + "/sets", "0", 1, "is not the file that its manifest names")
        try FileManager.default.removeItem(atPath: shard)
        try refused(folder.path + "/sets", "0", 1, "is gone")
    }

    /// Where Python has no h5py this says so; whether torch itself was there is printed.
    @Test func `a loader as PyTorch's gets every row's pixels and labels, in several processes`() throws {
        let python = ProcessInfo.processInfo.environment["APEX_PEERS"].map { $0 + "/bin/python3" } ?? "python3"
        let probe = try Programs.run("/usr/bin/env", [python, "-c", "import h5py, numpy, pandas"])
        guard probe.code == 0 else {
            print("MISSING PEER: \(python) lacks one of h5py, numpy, pandas; the training set was not loaded by it")
            return
        }
        let folder = TemporaryFolder("loader")
        try makeSets(folder.path)
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "load_charts.py").path
        let loaded = try Programs.run(
            "/usr/bin/env", [python, script, folder.path + "/sets", Self.daily, "\(Self.bars)"])
        #expect(loaded.code == 0, "\(loaded.errors)")
        #expect(loaded.output.contains("pixels and labels are right"), "\(loaded.output)")
        print("loader=\(loaded.output.split(separator: "\n").last ?? "")")
    }
}
