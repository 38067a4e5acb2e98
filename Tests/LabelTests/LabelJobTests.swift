import Blobs
import Foundation
import JSON
import Jobs
import Labels
import Market
import Messages
import Planners
import Runners
import Shards
import TestSupport
import Testing

/// A folder of the test's own, removed with it.
final class Folder: Sendable {
    private let root = FileManager.default.temporaryDirectory.appendingPathComponent("labels-\(UUID().uuidString)")
    init() { try? FileManager.default.createDirectory(at: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: root) }
    func path(_ name: String) -> String { root.appendingPathComponent(name).path }
    /// Every file below a folder and its bytes.
    func files(_ name: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        let top = path(name)
        for case let file as String in FileManager.default.enumerator(atPath: top) ?? .init() {
            if let data = FileManager.default.contents(atPath: top + "/" + file) { files[file] = data }
        }
        return files
    }
}

/// Blobs in memory.
final class Shelf: BlobSource {
    private var held: [BlobID: [UInt8]] = [:]
    @discardableResult func put(_ bytes: [UInt8]) -> BlobID {
        let id = BlobID(of: bytes)
        held[id] = bytes
        return id
    }
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        guard let bytes = held[blob] else { throw JobError("there is no blob \(blob)") }
        return bytes
    }
}

/// Plans and runs a whole job in this process, its tasks in a shuffled order, some of them twice.
func work<P: Planner, R: Runner>(
    _ planner: P, _ runner: R.Type, _ shelf: Shelf, seed: UInt64
) throws -> [UInt8] where P.Kind == R.Kind {
    var planner = planner
    var chance = SplitMix(seed: seed)
    let context = RunContext(blobs: shelf)
    let load = Load(slots: 2, idleSlots: 0, queuedTasks: 0)
    var step = try planner.start()
    var waiting: [(index: Int, task: P.Kind.Task)] = []
    var count = 0
    while true {
        for bytes in step.blobs { shelf.put(bytes) }
        for task in step.tasks {
            waiting.append((count, try P.Kind.Task(wireBytes: task.wireBytes)))
            count += 1
        }
        if case .answer(let bytes) = step.end { return bytes }
        try #require(!waiting.isEmpty, "a job that neither ends nor goes on")
        let next = waiting.remove(at: chance.next(below: waiting.count))
        if chance.next(below: 4) == 0 { _ = try R.run(next.task, index: UInt32(next.index), context: context) }
        let result = try R.run(next.task, index: UInt32(next.index), context: context)
        step = try planner.finished(next.index, with: try P.Kind.Result(wireBytes: result.wireBytes), load: load)
    }
}

/// Two symbols of 15-minute bars over 90 days, one of daily bars.
func someSeries() -> [BarSeries] {
    var chance = SplitMix(seed: 11)
    var series = (0..<2).map { _ in randomSeries(.minute15, bars: 1300, missing: 1, &chance) }
    series[0].symbol = "AA"
    series[1].symbol = "BB"
    return series
}
func labelSpec(_ series: [BarSeries], folder: String, _ shelf: Shelf) -> Label.Spec {
    let inputs = series.map { one in
        Label.Input(
            series: shelf.put(SeriesSet([one]).wireBytes),
            firstDay: Int32(NewYorkTime.dayNumber(of: one.starts[0])),
            lastDay: Int32(NewYorkTime.dayNumber(of: one.starts[one.count - 1])))
    }
    return Label.Spec(
        inputs: inputs, timeframes: [15, 60, 1440], stride: 2,
        knownUntil: series.map { $0.end(of: $0.count - 1) }.max()!, rules: LabelRules(), daysPerTask: 9, folder: folder,
        shardRows: 20, sources: [Label.Source(name: "AA.csv", hash: BlobID(of: [1]), rows: 9, rejected: [])])
}

@Test func `a label job gives the same bytes in every order, and twice into the same folder`() throws {
    let folder = Folder()
    let shelf = Shelf()
    let series = someSeries()
    for (name, seed): (String, UInt64) in [("one", 1), ("two", 2), ("one", 3)] {
        let spec = labelSpec(series, folder: folder.path(name), shelf)
        _ = try work(try LabelPlanner(spec, blobs: shelf), LabelRunner.self, shelf, seed: seed)
    }
    let files = try folder.files("one")
    #expect(files == (try folder.files("two")))
    #expect(files.keys.contains("manifest.json") && files.keys.contains("label_log.csv"))
    #expect(!files.keys.contains { $0.contains("shard.h5") })
    #expect(files.keys.filter { $0.hasSuffix(".h5") }.count > 20)
}

@Test func `shards hold the labels of every event, by date, each with the hash of its bars`() throws {
    let folder = Folder()
    let shelf = Shelf()
    let series = someSeries()
    let spec = labelSpec(series, folder: folder.path("out"), shelf)
    let answer = try work(try LabelPlanner(spec, blobs: shelf), LabelRunner.self, shelf, seed: 5)
    let manifest = try #require(JSONValue(String(decoding: answer, as: UTF8.self)))
    #expect(FileManager.default.contents(atPath: folder.path("out/manifest.json")) == Data(answer))

    var expected: [String: LabelRow] = [:]
    var rejected = 0
    for one in series {
        let labeller = Labeller(finest: one, knownUntil: spec.knownUntil, rules: spec.rules)
        var rows = Label.SymbolRows(symbol: one.symbol)
        for timeframe: Timeframe in [.minute15, .hour1, .day1] {
            labeller.label(timeframe, days: 0..<40_000, stride: 2, into: &rows)
        }
        for row in rows.rows { expected["\(one.symbol) \(row.timeframe) \(row.start)"] = row }
        rejected += rows.rejected.reduce(0) { $0 + Int($1) }
    }
    #expect(manifest["events"]?.double == Double(expected.count))
    var tiers: [Int64: Int] = [:]
    for shard in manifest["shards"]?.array ?? [] {
        let path = folder.path("out/" + (shard["path"]?.string ?? ""))
        let reader = try ShardReader(path)
        #expect(reader.rows <= 20 && Double(reader.rows) == shard["rows"]?.double)
        #expect(try reader.attribute("content_hash") == .string(shard["content_hash"]?.string ?? ""))
        #expect(try DurableFiles.hash(of: path).hash.description == shard["hash"]?.string)
        let (symbols, times) = (try reader.strings("symbol"), try reader.integers("time"))
        let (timeframes, dates) = (try reader.strings("timeframe"), try reader.integers("date"))
        let (five, tier) = (try reader.doubles("ret_5d"), try reader.integers("tier"))
        let (ends, blobs) = (try reader.integers("label_end"), try reader.strings("input_blob"))
        let outcome = try reader.integers("class")
        for at in 0..<reader.rows {
            let minutes = try #require(Timeframe(name: timeframes[at])).rawValue
            let found = expected.removeValue(forKey: "\(symbols[at]) \(minutes) \(times[at] / 1_000_000)")
            let row = try #require(found)
            #expect(Int64(row.date) == dates[at] && path.contains(MarketDate.text(row.date)))
            #expect(row.returns[2] == five[at] && Int64(row.tier.rawValue) == tier[at])
            #expect(row.outcomeEnd * 1_000_000 == ends[at] && Int64(row.outcome.rawValue) == outcome[at])
            #expect(blobs[at] == spec.inputs[symbols[at] == "AA" ? 0 : 1].series.description)
            tiers[tier[at], default: 0] += 1
        }
    }
    #expect(expected.isEmpty)
    for tier in QualityTier.allCases {
        #expect(manifest["counts"]?["tier"]?[tier.name]?.double == Double(tiers[Int64(tier.rawValue)] ?? 0))
    }
    guard case .object(let reasons)? = manifest["rejected_events"] else { throw JobError("no reasons") }
    #expect(reasons.reduce(0) { $0 + Int($1.value.double ?? 0) } == rejected)
}

@Test func `a shard of other contents in the place of one is an error, and stays`() throws {
    let folder = Folder()
    let shelf = Shelf()
    var spec = labelSpec(someSeries(), folder: folder.path("out"), shelf)
    _ = try work(try LabelPlanner(spec, blobs: shelf), LabelRunner.self, shelf, seed: 5)
    let before = try folder.files("out")
    spec.rules.neutralReturn = 0.05
    let error = #expect(throws: JobError.self) {
        try work(try LabelPlanner(spec, blobs: shelf), LabelRunner.self, shelf, seed: 5)
    }
    #expect(error?.description.contains("other contents") == true)
    #expect(try folder.files("out") == before)
}

@Test func `after a restart a label job plans what was not yet planned, and ends the same`() throws {
    let folder = Folder()
    let shelf = Shelf()
    let spec = labelSpec(someSeries(), folder: folder.path("out"), shelf)
    let whole = try work(try LabelPlanner(spec, blobs: shelf), LabelRunner.self, shelf, seed: 5)
    let context = RunContext(blobs: shelf)
    let load = Load(slots: 1, idleSlots: 0, queuedTasks: 0)
    // The planner dies after every result, in order.
    var planner = try LabelPlanner(spec, blobs: shelf)
    var tasks = try planner.start().tasks
    var results: [(index: Int, result: Label.Result)] = []
    var answer: [UInt8]?
    while answer == nil {
        let index = results.count
        results.append((index, try LabelRunner.run(tasks[index], index: UInt32(index), context: context)))
        var again = try LabelPlanner(spec, blobs: shelf)
        let restored = try again.restore(tasks: tasks, results: results)
        let step = try planner.finished(index, with: results[index].result, load: load)
        for bytes in step.blobs + restored.blobs { shelf.put(bytes) }
        #expect(restored.tasks == step.tasks)
        tasks += restored.tasks
        if case .answer(let bytes) = restored.end { answer = bytes }
        planner = again
    }
    #expect(answer == whole)
}

@Test func `the planner refuses what cannot be labelled`() throws {
    let shelf = Shelf()
    let series = someSeries()
    let wrong: [(inout Label.Spec) -> Void] = [
        { $0.inputs = [] }, { $0.timeframes = [] }, { $0.timeframes = [7] }, { $0.timeframes = [60, 15] },
        { $0.stride = 0 }, { $0.daysPerTask = 0 }, { $0.shardRows = 0 }, { $0.folder = "out" },
        { $0.rules.windowBars = 30 }, { $0.rules.upperBarrier = 0 }, { $0.rules.neutralReturn = .nan },
        { $0.rules.barrierSessions = 11 }, { $0.rules.volatilitySpan = 1 }, { $0.inputs[0].lastDay = 99 },
    ]
    for change in wrong {
        var spec = labelSpec(series, folder: "/nowhere", shelf)
        change(&spec)
        #expect(throws: JobError.self) { try LabelPlanner(spec, blobs: shelf) }
    }
    let spec = labelSpec(series, folder: "/nowhere", shelf)
    #expect(try Label.Spec(wireBytes: spec.wireBytes) == spec)
}

@Test func `bars that are cut short or finer than there are end a task with words`() throws {
    let shelf = Shelf()
    let bytes = SeriesSet(someSeries()).wireBytes
    func task(_ blob: BlobID, _ timeframes: [UInt16]) -> Label.Task {
        .events(
            Label.EventsTask(
                series: blob, firstDay: 0, endDay: 40_000, timeframes: timeframes, stride: 1, knownUntil: 0,
                rules: LabelRules()))
    }
    let context = RunContext(blobs: shelf)
    let finer = shelf.put(bytes)
    #expect(throws: JobError.self) { try LabelRunner.run(task(finer, [1]), index: 0, context: context) }
    for cut in [0, 1, 40, bytes.count - 1] {
        let blob = shelf.put(Array(bytes[..<cut]))
        #expect(throws: JobError.self) { try LabelRunner.run(task(blob, [1440]), index: 0, context: context) }
    }
}
