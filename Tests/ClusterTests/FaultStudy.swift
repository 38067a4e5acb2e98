import Foundation
import JSON
import Store
import TestSupport
import Testing

/// What disks and other programs do to the files of a study that runs: a clear error or patience, and no trial lost.
@Suite(.serialized)
struct FaultStudy {
    private static let space = "parameters:\n  x: {type: float, low: 0, high: 1}\n"

    /// A study of a program that is quick, in a state folder.
    private struct Place {
        let state: String
        func apex(_ words: [String]) throws -> Programs.Outcome {
            try Programs.run("apex", ["study"] + words + ["--state", state])
        }
        func start(_ words: [String]) throws -> Programs.Running {
            try Programs.Running("apex", ["study"] + words + ["--state", state])
        }
        func create(trials: Int, objective: String = "sh -c 'echo {x}'", _ more: [String] = []) throws {
            let space = NSTemporaryDirectory() + "apex-space-\(UUID().uuidString).yaml"
            defer { try? FileManager.default.removeItem(atPath: space) }
            try FaultStudy.space.write(toFile: space, atomically: true, encoding: .utf8)
            let made = try apex(
                ["create", "s", "--space", space, "--objective", objective, "--trials", "\(trials)"] + more)
            #expect(made.code == 0, "\(made.errors)")
        }
        var database: String { state + "/studies.sqlite" }
        /// Trials whose result was accepted.
        var accepted: Int { (try? StateFile.accepted(state).count) ?? 0 }
        /// Trials that are over, as others read them.
        var stored: Int {
            guard let database = try? Database(path: database, mode: .readOnly),
                let rows = try? database.prepare("SELECT COUNT(*) FROM trials WHERE state='COMPLETE'"),
                (try? rows.step()) == true
            else { return 0 }
            return Int(rows.integer(0))
        }
        /// Every trial is there once, in every place, with the value that its objective printed.
        func expectWhole(_ count: Int) throws {
            let listed = try apex(["trials", "s", "--json"])
            let trials = JSONValue(listed.output)?["trials"]?.array ?? []
            #expect(trials.count == count, "\(listed.errors)")
            for (number, trial) in trials.enumerated() {
                #expect(trial["number"]?.double == Double(number) && trial["state"]?.string == "COMPLETE")
                #expect(trial["value"]?.double == trial["params"]?["x"]?.double)
            }
            #expect(try StateFile.integrity(database) == "ok")
            let file = try Database(path: database, mode: .readOnly)
            let rows = try file.prepare(
                """
                SELECT t.number, p.param_value, v.value FROM trials t JOIN trial_params p USING(trial_id)
                JOIN trial_values v USING(trial_id) WHERE t.state='COMPLETE' ORDER BY t.number
                """)
            var next = 0
            while try rows.step() {
                #expect(Int(rows.integer(0)) == next && rows.double(1) == rows.double(2))
                next += 1
            }
            #expect(next == count)
            let lines = try String(contentsOfFile: state + "/studies/s/trials.jsonl", encoding: .utf8)
                .split(separator: "\n").compactMap { JSONValue(String($0))?["number"]?.double }
            #expect(lines.sorted() == (0..<count).map(Double.init))
            #expect(try apex(["replay", "s"]).code == 0)
        }
    }

    @Test func `a study whose disk fills stops in words, and goes on with every trial when there is room`() throws {
        if let obstacle = SmallDisk.obstacle { return skipped(because: obstacle) }
        let disk = try SmallDisk(megabytes: 24)
        let place = Place(state: disk.path + "/s")
        try place.create(trials: 400, ["--folder", NSTemporaryDirectory() + "apex-trials-\(UUID().uuidString)"])
        let run = try place.start(["run", "s", "--slots", "2"])
        #expect(Programs.eventually(within: 60) { place.accepted >= 40 }, "\(run.errors)")
        try disk.fill(leaving: 0)
        try #require(Programs.eventually(within: 60) { !run.process.isRunning }, "it goes on: \(run.errors)")
        let stopped = run.wait()
        // Whichever file it was: SQLite says that the disk is full, the system that it has no space left.
        let isSaid = stopped.errors.contains("full") || stopped.errors.contains("No space left")
        #expect(stopped.code != 0 && isSaid, "\(stopped.code) \(stopped.errors)")
        #expect(try StateFile.integrity(StateFile.path(place.state)) == "ok")
        let kept = place.accepted
        #expect(kept < 400)
        try disk.free()
        let rest = try place.apex(["resume", "s", "--slots", "2"])
        #expect(rest.code == 0, "\(rest.errors)")
        #expect(place.accepted == 400)
        try place.expectWhole(400)
    }

    @Test func `a file that may not be written stops the study in words, and nothing is lost`() throws {
        if let obstacle = SmallDisk.obstacle { return skipped(because: obstacle) }
        let folder = TemporaryFolder("readonly")
        let place = Place(state: folder.path + "/s")
        try place.create(trials: 12)
        #expect(try place.apex(["run", "s"]).code == 0)
        // Not by its mode, which root does not heed.
        try Programs.must("mount", ["--bind", place.database, place.database])
        defer { _ = try? Programs.run("/usr/bin/env", ["umount", "-l", place.database]) }
        try Programs.must("mount", ["-o", "remount,ro,bind", place.database])
        let refused = try place.apex(["run", "s", "--trials", "6"])
        #expect(refused.code == 1, "\(refused.errors)")
        #expect(refused.errors.contains("studies.sqlite") && refused.errors.contains("may not be written"))
        try Programs.must("umount", ["-l", place.database])
        let again = try place.apex(["resume", "s"])
        #expect(again.code == 0, "\(again.errors)")
        let asked = try place.apex(["status", "s", "--json"]).json["wanted"] as? Int
        #expect(asked == 12 || asked == 18)  // the request itself may not have been taken
        try place.expectWhole(try #require(asked))
    }

    @Test func `a program that holds the file for long makes the picture late, and nobody waits`() throws {
        let folder = TemporaryFolder("held")
        let place = Place(state: folder.path + "/s")
        try place.create(trials: 240, objective: "sh -c 'sleep 0.06; echo {x}'")
        let run = try place.start(["run", "s", "--slots", "2"])
        #expect(Programs.eventually(within: 60) { place.stored >= 5 }, "\(run.errors)")
        let other = try Database(path: place.database, mode: .durable)
        try other.begin()
        let before = place.stored
        // Longer than one try of the writer: until it says that it waits.
        let log = place.state + "/log.jsonl"
        #expect(
            Programs.eventually(within: 60) {
                (try? String(contentsOfFile: log, encoding: .utf8))?.contains("studies_locked") == true
            })
        #expect(place.accepted > before && place.stored == before, "trials end while the file is held")
        // The study ends, and its coordinator does not wait for ever to say so in the file.
        #expect(run.wait().code == 0)
        #expect(place.accepted == 240 && place.stored == before)
        try other.rollback()
        try place.expectWhole(240)
    }

    @Test func `a damaged studies file is named with what to do, and a new one has every trial`() throws {
        let folder = TemporaryFolder("damaged")
        let place = Place(state: folder.path + "/s")
        try place.create(trials: 80)
        #expect(try place.apex(["run", "s"]).code == 0)
        // Everything but the first page.
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: place.database)[.size] as? Int)
        let file = try #require(FileHandle(forUpdatingAtPath: place.database))
        try file.seek(toOffset: 4096)
        file.write(Data(repeating: 0xA5, count: size - 4096))
        try file.close()
        let refused = try place.apex(["run", "s", "--trials", "5"])
        #expect(refused.code == 1, "\(refused.errors)")
        for words in ["studies.sqlite", "damaged", "move it away", "writes a new one"] {
            #expect(refused.errors.contains(words), "\(refused.errors)")
        }
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: place.database + suffix) }
        let again = try place.apex(["resume", "s"])
        #expect(again.code == 0, "\(again.errors)")
        let asked = try place.apex(["status", "s", "--json"]).json["wanted"] as? Int
        #expect(asked == 80 || asked == 85)
        try place.expectWhole(try #require(asked))
    }
}
