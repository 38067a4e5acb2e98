import Blobs
import Charts
import Foundation
import Images
import Jobs
import Market
import Messages
import Runners
import Shards
import Synchronization
import TestSupport
import Testing

/// What a task leaves on the disk.
@Suite struct RenderShardTests {
    private let folder = TemporaryFolder("render")
    private let blobs = KeptBlobs()
    private let market: [BarSeries]

    init() {
        var random = SplitMix(seed: 9)
        market = ["AAA", "B.B", "C-LONG_NAME12345"].map { Bars.random(&random, count: 40, symbol: $0) }
    }

    private func task(
        _ outputs: ChartOutputs, style: ChartStyle = ChartStyle(size: 128, bars: 20), to folder: String? = nil,
        series: [BarSeries]? = nil, bars: [UInt32] = Array(19..<40)
    ) -> Render.ShardTask {
        let series = series ?? market
        var events = ChartEvents()
        for bar in bars {
            for symbol in series.indices {
                events.series.append(UInt32(symbol))
                events.bars.append(bar)
            }
        }
        events.parts = [ChartEvents.Part(folder: "by_date/2020-02", count: UInt32(events.bars.count))]
        return Render.ShardTask(
            series: blobs.keep(SeriesSet(series).wireBytes), events: blobs.keep(events.wireBytes),
            settings: Render.Settings(
                folder: folder ?? self.folder.path, style: style, outputs: outputs, timeframes: [1440]),
            first: 0, count: UInt32(events.bars.count), path: "by_date/2020-02/shard-00000")
    }
    private func run(_ task: Render.ShardTask, isCancelled: @escaping () -> Bool = { false }) throws
        -> Render.ShardResult
    {
        let result = try RenderRunner.run(
            .shard(task), index: 3, context: RunContext(blobs: blobs, isCancelled: isCancelled))
        guard case .shard(let shard) = result else { throw JobError("no shard") }
        return shard
    }
    private func files(_ folder: String) -> [String: Data] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.reduce(into: [:]) { $0[$1] = FileManager.default.contents(atPath: folder + "/" + $1) }
    }

    @Test func `every form of an image shows the same pixels, those of the definition`() throws {
        let result = try run(task([.png, .bits, .float32, .int8]))
        #expect(result.rows == 63)
        let path = folder.path + "/by_date/2020-02/shard-00000"
        let reader = try ShardReader(path + ".h5")
        #expect(reader.rows == 63)
        let bits = try reader.bytes(of: "bits")
        let floats = try reader.doubles("float32")
        let bytes = try reader.integers("int8")
        #expect(try reader.attribute("zero_point", ofColumn: "int8") == .integer(-128))
        #expect(try reader.attribute("scale", ofColumn: "int8") == .double(1.0 / 255))
        let (symbols, starts) = (try reader.strings("symbol"), try reader.integers("event_time"))
        for row in 0..<63 {
            let series = market[row % 3]
            let newest = 19 + row / 3
            let slow = SlowChart(ChartStyle(size: 128, bars: 20), series, newest - 19..<newest + 1)
            #expect(symbols[row] == series.symbol)
            #expect(starts[row] == series.starts[newest] * 1_000_000)
            let date = String(MarketDate.text(series.date(of: newest)).filter { $0 != "-" })
            let name = "\(path).png/\(series.symbol)_\(date)T143000Z_1d.png"
            let file = try #require(FileManager.default.contents(atPath: name), "\(name)")
            let png = try #require(PNGReader(Array(file)))
            #expect(png.width == 128 && png.height == 128 && png.bitDepth == 1 && png.colourType == 0)
            #expect(png.rows == Array(bits[row * 2048..<(row + 1) * 2048]))
            var wrong = 0
            for y in 0..<128 {
                for x in 0..<128 {
                    let at = row * 16384 + y * 128 + x
                    let isWhite = slow.isWhite(x, y)
                    let bit = bits[at / 8] >> UInt8(7 - at % 8) & 1
                    if (bit == 1) != isWhite || floats[at] != (isWhite ? 1 : 0) || bytes[at] != (isWhite ? 127 : -128) {
                        wrong += 1
                    }
                }
            }
            #expect(wrong == 0, "row \(row)")
        }
        let (lows, closes) = (try reader.doubles("price_low"), try reader.doubles("close"))
        #expect(lows[4] == market[1].low[1..<21].min() && closes[4] == market[1].close[20])
    }

    @Test func `the same task gives the same bytes, and once more changes nothing`() throws {
        let other = TemporaryFolder("render-again")
        let first = try run(task([.png, .bits, .int8]))
        let second = try run(task([.png, .bits, .int8], to: other.path))
        #expect(first == second)
        #expect(files(folder.path) == files(other.path))
        let before = files(folder.path)
        #expect(try run(task([.png, .bits, .int8])) == first)
        #expect(files(folder.path) == before)
        #expect(try DurableFiles.hash(of: folder.path + "/by_date/2020-02/shard-00000.h5").hash == first.fileHash)
    }

    @Test func `what hashes promise can be computed from the files alone`() throws {
        let result = try run(task([.png, .bits]))
        let path = folder.path + "/by_date/2020-02/shard-00000.png/"
        var text: [UInt8] = []
        for row in 0..<63 {
            let series = market[row % 3]
            let date = String(MarketDate.text(series.date(of: 19 + row / 3)).filter { $0 != "-" })
            let name = "\(series.symbol)_\(date)T143000Z_1d.png"
            text += Array((name + "\n").utf8) + Array(try #require(FileManager.default.contents(atPath: path + name)))
        }
        #expect(BlobID(of: text) == result.pngHash)
    }

    @Test func `a shard of other contents in its place is an error, and stays as it is`() throws {
        let path = folder.path + "/by_date/2020-02/shard-00000"
        for taken in ["another shard", "a truncated one", "other pictures"] {
            try? FileManager.default.removeItem(atPath: folder.path + "/by_date")
            _ = try run(task([.png, .bits], style: ChartStyle(size: 64, bars: 20)))
            let spoilt = taken == "other pictures" ? path + ".png/AAA_20200130T143000Z_1d.png" : path + ".h5"
            if taken == "a truncated one" {
                let whole = try #require(FileManager.default.contents(atPath: spoilt))
                try whole.prefix(whole.count / 2).write(to: URL(filePath: spoilt))
            }
            if taken == "other pictures" { try Data([1, 2, 3]).write(to: URL(filePath: spoilt)) }
            let before = files(folder.path)
            let style = taken == "another shard" ? ChartStyle(size: 72, bars: 20) : ChartStyle(size: 64, bars: 20)
            #expect {
                _ = try run(task([.png, .bits], style: style))
            } throws: {
                "\($0)".contains("is there already with other contents")
            }
            #expect(files(folder.path).filter { !$0.key.hasPrefix(".tmp") } == before, "\(taken)")
        }
    }

    @Test func `an event that does not fit, wrong bars and a cancelled task leave nothing to be seen`() throws {
        for bars in [[19, 39, 40], [18], [4_000_000_000]] as [[UInt32]] {
            #expect(throws: JobError.self) { try run(task([.png, .bits], bars: bars)) }
        }
        for fault in 0..<6 {
            var series = market[0]
            switch fault {
            case 0: series.high[7] = .nan
            case 1: series.low[7] = series.high[7] * 2
            case 2: series.open[7] = .infinity
            case 3: series.volume[7] = -1
            case 4: series.low[7] = 0
            default: series.starts.swapAt(7, 8)
            }
            #expect(throws: JobError.self, "fault \(fault)") { try run(task([.png, .bits], series: [series])) }
        }
        // In the middle: some pages are written by then.
        let asked = Mutex(0)
        #expect(throws: JobError.self) {
            try run(task([.png, .float32], style: ChartStyle(size: 512, bars: 20))) {
                asked.withLock {
                    $0 += 1
                    return $0 > 2
                }
            }
        }
        #expect(asked.withLock { $0 } == 3)
        let seen = files(folder.path).keys.filter { $0 != ".tmp" }
        #expect(seen.isEmpty, "\(seen)")
    }

    @Test func `a name longer than its column is refused, not cut`() throws {
        var series = market[0]
        series.symbol = String(repeating: "L", count: 40)
        #expect { _ = try run(task([.bits], series: [series])) } throws: { "\($0)".contains("at most 16 ASCII") }
        series.symbol = "A/B"
        #expect(throws: JobError.self) { try run(task([.png], series: [series])) }
    }

    @Test func `pattern images are the same in every form`() throws {
        let style = ChartStyle(kind: .pattern, size: 64, bars: 30)
        _ = try run(task([.png, .float32, .int8], style: style, bars: Array(29..<40)))
        let path = folder.path + "/by_date/2020-02/shard-00000"
        let reader = try ShardReader(path + ".h5")
        #expect(reader.column("int8")?.shape == [64, 64, 3])
        let bytes = try reader.integers("int8")
        let floats = try reader.doubles("float32")
        let image = PatternImage(style)
        for row in 0..<reader.rows {
            var pixels = [UInt8](repeating: 0, count: image.byteCount)
            image.draw(market[row % 3], row / 3..<row / 3 + 30, into: &pixels, at: 0)
            let at = row * image.byteCount
            #expect(bytes[at..<at + image.byteCount].elementsEqual(pixels.map { Int64($0) - 128 }))
            #expect(floats[at..<at + image.byteCount].elementsEqual(pixels.map { Double(Float($0) / 255) }))
            let date = String(MarketDate.text(market[0].date(of: 29 + row / 3)).filter { $0 != "-" })
            let name = "\(path).png/\(market[row % 3].symbol)_\(date)T143000Z_1d.png"
            let file = try #require(FileManager.default.contents(atPath: name))
            let png = try #require(PNGReader(Array(file)))
            #expect(png.colourType == 2 && png.bitDepth == 8 && png.rows == pixels)
        }
    }

    @Test func `the last task writes its files and sweeps up what killed ones left`() throws {
        let stale = folder.path + "/.tmp/9-123/png"
        try FileManager.default.createDirectory(atPath: stale, withIntermediateDirectories: true)
        try Data([1]).write(to: URL(filePath: stale + "/x.png"))
        let file = Render.File(name: "manifest.json", bytes: blobs.keep(Array("{}".utf8)))
        let result = try RenderRunner.run(
            .close(folder: folder.path, files: [file]), index: 1, context: RunContext(blobs: blobs))
        #expect(result == .closed)
        #expect(files(folder.path) == ["manifest.json": Data("{}".utf8)])
    }
}

/// Blobs in memory.
final class KeptBlobs: BlobSource, Sendable {
    private let kept = Mutex<[BlobID: [UInt8]]>([:])
    func keep(_ bytes: [UInt8]) -> BlobID {
        let id = BlobID(of: bytes)
        kept.withLock { $0[id] = bytes }
        return id
    }
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        guard let bytes = kept.withLock({ $0[blob] }) else { throw JobError("no blob \(blob)") }
        return bytes
    }
}
