import Blobs
import Foundation
import JSON
import Jobs
import Market
import Messages
import Planners
import Runners
import Shards
import TestSupport
import Testing

/// The shards that a manifest in a folder names.
private func shards(_ folder: String) throws -> [Aggregate.SourceShard] {
    let data = try #require(FileManager.default.contents(atPath: folder + "/manifest.json"))
    let manifest = try #require(JSONValue(String(decoding: data, as: UTF8.self)))
    return try (manifest["shards"]?.array ?? []).map { shard in
        Aggregate.SourceShard(
            path: folder + "/" + (shard["path"]?.string ?? ""), hash: try #require(BlobID(shard["hash"]?.string ?? "")),
            contentHash: try #require(BlobID(shard["content_hash"]?.string ?? "")))
    }
}

/// The labels of two symbols in a folder.
private func makeLabels(_ folder: String, _ shelf: Shelf) throws -> [Aggregate.SourceShard] {
    let spec = labelSpec(someSeries(), folder: folder, shelf)
    _ = try work(try LabelPlanner(spec, blobs: shelf), LabelRunner.self, shelf, seed: 1)
    return try shards(folder)
}

/// A row as a brute-force reader sees it.
private struct Row: Equatable {
    var key: String
    var date: Int64, known: Int64, end: Int64
    var five: Double
    var source: String, sourceRow: Int64
    var blob: String
}
private func rows(_ shard: String, asSource content: String?) throws -> [Row] {
    let reader = try ShardReader(shard)
    let (symbols, timeframes, times) = (
        try reader.strings("symbol"), try reader.strings("timeframe"), try reader.integers("time")
    )
    let (dates, known, ends) = (
        try reader.integers("date"), try reader.integers("known_time"), try reader.integers("label_end")
    )
    let (five, blobs) = (try reader.doubles("ret_5d"), try reader.strings("input_blob"))
    let sources = content == nil ? try reader.strings("source_shard") : []
    let sourceRows = content == nil ? try reader.integers("source_row") : []
    return (0..<reader.rows).map { at in
        Row(
            key: "\(symbols[at]) \(timeframes[at]) \(times[at])", date: dates[at], known: known[at], end: ends[at],
            five: five[at], source: content ?? sources[at], sourceRow: content == nil ? sourceRows[at] : Int64(at),
            blob: blobs[at])
    }
}

@Test(arguments: [(1, 0), (3, 2)])
func `every bar is in one set once, away from what is held out, and says where it is from`(blocks: Int, embargo: Int)
    throws
{
    let folder = Folder()
    let shelf = Shelf()
    let labels = try makeLabels(folder.path("labels"), shelf)
    var settings = Aggregate.Settings(folder: folder.path("sets"))
    settings.blocks = UInt32(blocks)
    settings.embargoSessions = UInt32(embargo)
    settings.shardRows = 60
    // Every shard comes twice.
    let spec = Aggregate.Spec(shards: labels + labels, labels: [], settings: settings)
    let answer = try work(try AggregatePlanner(spec, blobs: shelf), AggregateRunner.self, shelf, seed: 3)
    let manifest = try #require(JSONValue(String(decoding: answer, as: UTF8.self)))

    // Brute force: every row of every source, split and purged one by one.
    let all = try labels.flatMap { try rows($0.path, asSource: $0.contentHash.description) }
    let dates = Set(all.map(\.date)).sorted()
    var splitOf: [Int64: Int] = [:]
    var runs: [(split: Int, dates: [Int64])] = []
    for stretch in 0..<blocks {
        let part = Array(dates[dates.count * stretch / blocks..<dates.count * (stretch + 1) / blocks])
        for (at, date) in part.enumerated() {
            let cuts = [70, 85].map { (part.count * $0 + 50) / 100 }
            let split = at < cuts[0] ? 0 : at < cuts[1] ? 1 : 2
            splitOf[date] = split
            if runs.last.map({ $0.split == split && stretch == 0 || $0.split == split && $0.dates.last! >= part[0] })
                ?? false
            {
                runs[runs.count - 1].dates.append(date)
            } else {
                runs.append((split, [date]))
            }
        }
    }
    let sessions = embargo > 0 ? embargo : 10
    let ends = runs.map { run in all.filter { run.dates.contains($0.date) }.map(\.end).max()! }
    var expected: [[Row]] = [[], [], []]
    var (purged, embargoed) = (0, 0)
    for row in all {
        let split = splitOf[row.date]!
        var (overlaps, follows) = (false, false)
        for (at, run) in runs.enumerated() where run.split > split {
            let start = TradingSession(date: Int32(run.dates[0]))!.opens * 1_000_000
            let last = TradingSession(date: Int32(run.dates.last!))!
            overlaps = overlaps || row.known <= ends[at] && row.end >= start
            follows =
                follows
                || row.known > last.closes * 1_000_000 && row.known <= last.later(by: sessions).closes * 1_000_000
        }
        if overlaps { purged += 1 } else if follows { embargoed += 1 } else { expected[split].append(row) }
    }
    #expect(purged > 0)
    var total = 0
    for (split, name) in ["train", "valid", "test"].enumerated() {
        let paths = (manifest["shards"]?.array ?? []).compactMap { $0["path"]?.string }.filter { $0.hasPrefix(name) }
        let made = try paths.sorted().flatMap { try rows(folder.path("sets/" + $0), asSource: nil) }
        #expect(made.sorted { $0.key < $1.key } == expected[split].sorted { $0.key < $1.key }, "\(name)")
        #expect(manifest["splits"]?[name]?["rows"]?.double == Double(made.count))
        total += made.count
        let tiers = ["A_PLUS", "A", "B", "C", "D"].map { manifest["splits"]?[name]?["tier"]?[$0]?.double ?? 0 }
        #expect(tiers.reduce(0, +) == Double(made.count))
    }
    func sum(_ key: String) -> Double {
        ["train", "valid", "test"].reduce(0) { $0 + (manifest["splits"]?[$1]?[key]?.double ?? 0) }
    }
    #expect(sum("duplicates") == Double(all.count) && sum("purged") == Double(purged))
    #expect(sum("embargoed") == Double(embargoed) && total + purged + embargoed == all.count)
}

@Test func `training sets are the same bytes in every order`() throws {
    let folder = Folder()
    let shelf = Shelf()
    let labels = try makeLabels(folder.path("labels"), shelf)
    for (name, seed): (String, UInt64) in [("one", 1), ("two", 2), ("one", 3)] {
        let spec = Aggregate.Spec(shards: labels, labels: [], settings: Aggregate.Settings(folder: folder.path(name)))
        _ = try work(try AggregatePlanner(spec, blobs: shelf), AggregateRunner.self, shelf, seed: seed)
    }
    #expect(try folder.files("one") == (try folder.files("two")))
    #expect(try folder.files("one").keys.contains("aggregate_log.csv"))
}

/// A shard of tiny images without labels, as of a render job.
private func makeImages(_ path: String, of labels: Aggregate.SourceShard, input: BlobID) throws -> Aggregate.SourceShard
{
    let reader = try ShardReader(labels.path)
    let columns = [
        ShardColumn("image", .uint8, shape: [4, 2], chunkRows: 3, filter: .deflate),
        ShardColumn("symbol", .ascii(16)), ShardColumn("timeframe", .ascii(4)), ShardColumn("time", .int64),
        ShardColumn("known_time", .int64), ShardColumn("date", .int32),
    ]
    try DurableFiles.makeFolder(DurableFiles.folder(of: path))
    var writer = try ShardWriter(
        temporary: path, columns: columns, rows: reader.rows,
        attributes: [ShardAttribute("input_hash", input.description)])
    var compressor = Compressor()
    try writer.write((0..<reader.rows * 8).map { UInt8($0 % 251) }, toColumn: 0, &compressor)
    for (at, column) in columns.enumerated().dropFirst() {
        try writer.write(try reader.bytes(of: column.name), toColumn: at, &compressor)
    }
    let content = try writer.finish()
    return Aggregate.SourceShard(path: path, hash: try DurableFiles.hash(of: path).hash, contentHash: content)
}

@Test func `images take their labels from another job's shards, row by row`() throws {
    let folder = Folder()
    let shelf = Shelf()
    let labels = try makeLabels(folder.path("labels"), shelf)
    let input = BlobID(of: [7])
    let images = try labels.enumerated().map {
        try makeImages(folder.path("images/\($0).h5"), of: $1, input: input)
    }
    func spec(_ labels: [Aggregate.SourceShard]) -> Aggregate.Spec {
        Aggregate.Spec(shards: images, labels: labels, settings: Aggregate.Settings(folder: folder.path("sets")))
    }
    #expect(throws: JobError.self) {
        try work(try AggregatePlanner(spec([]), blobs: shelf), AggregateRunner.self, shelf, seed: 1)
    }
    // One day's labels are missing.
    let answer = try work(
        try AggregatePlanner(spec(Array(labels.dropFirst())), blobs: shelf), AggregateRunner.self, shelf, seed: 1)
    let manifest = try #require(JSONValue(String(decoding: answer, as: UTF8.self)))
    let source = Dictionary(uniqueKeysWithValues: images.map { ($0.contentHash.description, $0.path) })
    var labelled: [String: Double] = [:]
    for shard in labels {
        // Of the timeframes known at one moment the first has the label.
        for row in try rows(shard.path, asSource: "") {
            let event = "\(row.key.split(separator: " ")[0]) \(row.known)"
            if labelled[event] == nil { labelled[event] = row.five }
        }
    }
    var count = 0
    for shard in manifest["shards"]?.array ?? [] {
        let reader = try ShardReader(folder.path("sets/" + (shard["path"]?.string ?? "")))
        let (sources, sourceRows) = (try reader.strings("source_shard"), try reader.integers("source_row"))
        let (symbols, known) = (try reader.strings("symbol"), try reader.integers("known_time"))
        let (five, blobs) = (try reader.doubles("ret_5d"), try reader.strings("input_blob"))
        let pixels = try reader.bytes(of: "image")
        for at in 0..<reader.rows {
            let from = try ShardReader(try #require(source[sources[at]]))
            let row = Int(sourceRows[at])
            #expect(Array(pixels[at * 8..<at * 8 + 8]) == (try from.bytes(of: "image", rows: row..<row + 1)))
            #expect(five[at] == labelled["\(symbols[at]) \(known[at])"] && blobs[at] == input.description)
            count += 1
        }
    }
    #expect(count > 50 && Double(count) == manifest["rows"]?.double)
    #expect((manifest["splits"]?["train"]?["unlabelled"]?.double ?? 0) > 0)
}

@Test func `a shard that was cut short, changed or does not fit ends the job with words`() throws {
    let folder = Folder()
    let shelf = Shelf()
    let labels = try makeLabels(folder.path("labels"), shelf)
    func failure(_ shards: [Aggregate.SourceShard]) throws -> String {
        let spec = Aggregate.Spec(shards: shards, labels: [], settings: Aggregate.Settings(folder: folder.path("sets")))
        let error = #expect(throws: JobError.self) {
            try work(try AggregatePlanner(spec, blobs: shelf), AggregateRunner.self, shelf, seed: 1)
        }
        return error?.description ?? ""
    }
    let whole = try #require(FileManager.default.contents(atPath: labels[0].path))
    try whole.dropLast(100).write(to: URL(fileURLWithPath: labels[0].path))
    #expect(try failure(labels).contains("cut short or changed"))
    try FileManager.default.removeItem(atPath: labels[0].path)
    #expect(try failure(labels).contains("no such file"))
    let odd = try makeImages(folder.path("odd.h5"), of: labels[1], input: BlobID(of: [1]))
    #expect(try failure(Array(labels.dropFirst()) + [odd]).contains("other columns"))
    #expect(!FileManager.default.fileExists(atPath: folder.path("sets/manifest.json")))
}

@Test func `the planner refuses splits and sizes that make no sense`() throws {
    let shard = Aggregate.SourceShard(path: "/a.h5", hash: BlobID(of: [1]), contentHash: BlobID(of: [2]))
    let wrong: [(inout Aggregate.Spec) -> Void] = [
        { $0.shards = [] }, { $0.settings.percent = [70, 15] }, { $0.settings.percent = [70, 15, 16] },
        { $0.settings.percent = [150, 0, 206] }, { $0.settings.blocks = 0 }, { $0.settings.shardRows = 0 },
        { $0.settings.folder = "sets" }, { $0.settings.embargoSessions = 5000 },
    ]
    for change in wrong {
        var spec = Aggregate.Spec(shards: [shard], labels: [], settings: Aggregate.Settings(folder: "/sets"))
        #expect(try Aggregate.Spec(wireBytes: spec.wireBytes) == spec)
        change(&spec)
        #expect(throws: JobError.self) { try AggregatePlanner(spec, blobs: Shelf()) }
    }
}

@Test func `a hundred dates split 70, 15 and 15, and no date is lost in any number`() {
    let settings = Aggregate.Settings(folder: "/sets")
    let hundred = DateSplit(dateCount: 100, settings)
    #expect(hundred.blocks.map(\.dates) == [0..<70, 70..<85, 85..<100] && hundred.embargoSessions == 10)
    for count in 1...40 {
        for blocks in 1...6 {
            var settings = settings
            settings.blocks = UInt32(blocks)
            let split = DateSplit(dateCount: count, settings)
            #expect(split.blocks.flatMap { Array($0.dates) } == Array(0..<count), "\(count) in \(blocks)")
        }
    }
    #expect(DateSplit(dateCount: 2500, settings).embargoSessions == 25)
}
