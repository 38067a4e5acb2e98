import CoordinatorShell
import Foundation
import Messages
import TestSupport
import Testing

/// What a task may cost, as far as a busy machine lets it be tested: memory and rows, not seconds. `bench` has those.
@Suite(.serialized)
struct ThroughputTests {
    @Test func `a million tasks become a few rows, and what an ended job had out is gone`() throws {
        let count = 1_000_000
        let cluster = try FaultCluster()
        for name in ["a", "b"] { try cluster.startWorker(name, slots: 1) }
        let outcome = try submit(cluster, ["noop", "--count", "\(count)", "--wait"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.json["tasks"] as? Int == count)
        func number(_ query: String) throws -> Int { try StateFile.number(cluster.state, query) }
        #expect(try number("SELECT sum(count) FROM done") == count)
        // Runs that reach across one another, or begin where no other ends: each task has one row.
        #expect(
            try number(
                "SELECT count(*) FROM done a JOIN done b ON b.seq<>a.seq AND b.first BETWEEN a.first AND a.first+a.count-1"
            )
                == 0)
        // Neighbours are one row unless their claims differ: a claim that was lost and made again.
        #expect(try number("SELECT count(*) FROM done") <= 20)
        #expect(try number("SELECT count(*) FROM claims") == 0)
        let bytes = ["", "-wal"].map {
            (try? Data(contentsOf: URL(fileURLWithPath: StateFile.path(cluster.state) + $0)))?.count ?? 0
        }
        print("tasks=\(count) done_rows=\(try number("SELECT count(*) FROM done")) state_bytes=\(bytes)")
        // SQLite's own log is written over from its start at 1,000 pages.
        #expect(bytes[0] < 200_000 && bytes[1] < 6_000_000)
    }

    @Test func `a waiting task takes at most 150 bytes of the coordinator`() throws {
        let count = 200_000
        let cluster = try FaultCluster()
        let before = try residentBytes(cluster)
        let outcome = try submit(cluster, ["noop", "--count", "\(count)"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(Programs.eventually { self.queued(cluster) == count })
        let bytes = (try residentBytes(cluster) - before) / Double(count)
        print("waiting=\(count) bytes_each=\(fixed(bytes))")
        #expect(bytes > 0 && bytes <= 150)
    }

    @Test func `an ended job keeps its failures and results through a restart, and no claims or attempts`() throws {
        let cluster = try FaultCluster()
        try cluster.startWorker("a")
        // 7 fails for good; 11 fails once and is done at the second try.
        let once = cluster.folder.path + "/once"
        let script = "case {index} in 7) exit 3;; 11) mkdir '\(once)' 2>&- && exit 4;; esac; exit 0"
        let outcome = try submit(
            cluster, ["command", "--count", "40", "--retries", "1", "--wait"], then: ["sh", "-c", script])
        #expect(outcome.code == 1)
        func look() throws -> [Int] {
            try ["SELECT sum(count) FROM done", "SELECT count(*) FROM claims", "SELECT count(*) FROM attempts"].map {
                try StateFile.number(cluster.state, $0)
            }
        }
        #expect(try look() == [39, 0, 1])
        cluster.coordinator.send(SIGKILL)
        cluster.coordinator.process.waitUntilExit()
        try cluster.startCoordinator()
        let job = try #require(try status(cluster)["jobs"] as? [[String: Any]]).first
        #expect(job?["done"] as? Int == 39 && job?["failed"] as? Int == 1 && job?["state"] as? String == "failed")
        #expect(try look() == [39, 0, 1])
        let why = try Programs.run("apex", ["why", "1.7", "--state", cluster.state])
        #expect(why.output.contains("exit code 3"), "\(why.output) \(why.errors)")
    }

    @Test(arguments: seeds(50))
    func `rows that grow and join cover each task once, in whatever order tasks are done`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var runs: [(run: ClaimRun, result: [UInt8])] = []
        var first: UInt32 = 0
        while first < 500 {
            let count = UInt32.random(in: 1...20, using: &random)
            let epoch = UInt32.random(in: 1...10, using: &random) == 1 ? UInt32(2) : 1
            let result: [UInt8] = UInt32.random(in: 1...20, using: &random) == 1 ? [1] : []
            runs.append((ClaimRun(job: JobID(1), first: first, count: count, epoch: epoch), result))
            first += count
        }
        // What the rows must say of each task, and how few there can be.
        var fewest = 0
        for (at, entry) in runs.enumerated() {
            let last = at > 0 ? runs[at - 1] : nil
            if last?.result != entry.result || last?.run.epoch != entry.run.epoch { fewest += 1 }
        }
        var expected: [UInt32: (Epoch, [UInt8])] = [:]
        for entry in runs { for index in entry.run.indices { expected[index] = (entry.run.epoch, entry.result) } }

        runs.shuffle(using: &random)
        var guide = DoneRows()
        var rows: [Int64: DoneRows.Row] = [:]
        for (at, entry) in runs.enumerated() {
            switch guide.add(entry.run, entry.result, busyMicroseconds: 1) {
            case .insert:
                let seq = Int64(at + 1)
                rows[seq] = DoneRows.Row(seq: seq, run: entry.run, result: entry.result, busyMicroseconds: 1)
                guide.inserted(entry.run, entry.result, busyMicroseconds: 1, seq: seq)
            case .grow(let row, let absorbed):
                if let absorbed { #expect(rows.removeValue(forKey: absorbed) != nil) }
                #expect(rows[row.seq] != nil)
                rows[row.seq] = row
            }
        }
        #expect(rows.count == fewest)
        #expect(rows.values.reduce(0) { $0 + $1.busyMicroseconds } == UInt64(runs.count))
        for row in rows.values {
            for index in row.run.indices {
                let task = expected.removeValue(forKey: index)
                #expect(task?.0 == row.run.epoch && task?.1 == row.result)
            }
        }
        #expect(expected.isEmpty)
    }

    // MARK: - Helpers

    private func submit(_ cluster: FaultCluster, _ words: [String], then program: [String] = []) throws
        -> Programs.Outcome
    {
        let options = ["--json", "--state", cluster.state] + (program.isEmpty ? [] : ["--"])
        return try Programs.run("apex", ["submit"] + words + options + program)
    }
    private func status(_ cluster: FaultCluster) throws -> [String: Any] {
        try Programs.run("apex", ["status", "--json", "--state", cluster.state]).json
    }
    private func residentBytes(_ cluster: FaultCluster) throws -> Double {
        let coordinator = try status(cluster)["coordinator"] as? [String: Any]
        return try #require(coordinator?["resident_bytes"] as? Double)
    }
    private func queued(_ cluster: FaultCluster) -> Int {
        let jobs = try? status(cluster)["jobs"] as? [[String: Any]]
        return jobs?.first?["tasks"] as? Int ?? 0
    }
}
