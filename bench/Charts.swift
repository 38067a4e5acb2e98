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

/// `bench charts [ROUNDS [EVENTS]]`: charts of 512 × 512 pixels through the worker's own runner on two threads, to the
/// disk, read back and checked; beside PIL and NumPy on two processes, in memory.
/// `bench charts million [IMAGES]`: memory while a million images are drawn.
enum ChartsBench {
    private static let threads = 2
    private static let style = ChartStyle()

    static func run(_ words: [String]) {
        let market = ChartsMarket(symbols: 400, bars: 131)
        if words.first == "million" {
            return million(market, images: words.dropFirst().first.flatMap { Int($0) } ?? 1_000_000)
        }
        let rounds = words.first.flatMap { Int($0) } ?? 5
        let events = words.dropFirst().first.flatMap { Int($0) } ?? 40_000
        let peer = PILPeer(market, bars: Int(style.bars))
        if peer == nil { print("PIL and NumPy are not here (APEX_PEERS names a virtual environment): no peer") }
        if let peer { compare(market, peer) }
        // Per kind of output: what it is called, how many events a round, what of the peer's it is beside.
        let kinds: [(name: String, outputs: ChartOutputs, events: Int, peer: String)] = [
            ("PNG + bits", [.png, .bits], events, "bits"),
            ("PNG + float32 + int8", [.png, .float32, .int8], events / 2, "tensors"),
        ]
        var ours = kinds.map { _ in [Double]() }
        var theirs = kinds.map { _ in [Double]() }
        var cpu = kinds.map { _ in [Double]() }
        var theirCPU = kinds.map { _ in [Double]() }
        // Removed at the end: ext4 is slow to make files where it removed some in the last minutes.
        var runs: [ChartsRun] = []
        defer { for run in runs { run.remove() } }
        for round in 1...max(rounds, 1) {
            for (at, kind) in kinds.enumerated() {
                let run = ChartsRun(market, kind.outputs, events: kind.events, style)
                runs.append(run)
                let rate = Double(kind.events) / run.seconds
                ours[at].append(rate)
                cpu[at].append(run.cpuSeconds / Double(kind.events) * 1e6)
                if let fault = run.check() { return print("WRONG: \(fault)") }
                var line =
                    "round \(round), \(kind.name): \(Int(rate)) images/s on disk, read back, "
                    + "\(cpu[at].last!.formatted(0)) µs of processor an image"
                if let peer {
                    let count = 400
                    let times = peer.times(kind.peer, count)
                    theirs[at].append(Double(count) / times.seconds)
                    theirCPU[at].append(times.cpu / Double(count) * 1e6)
                    line += "; PIL + NumPy in memory \(Int(theirs[at].last!)) images/s, \(Int(theirCPU[at].last!)) µs"
                }
                print(
                    line
                        + "; bytes an image: \(run.shardBytes / kind.events) in shards, \(run.pngBytes / kind.events) PNG"
                )
            }
        }
        for (at, kind) in kinds.enumerated() {
            let microseconds = median(cpu[at])
            var line =
                "\(kind.name): \(Int(median(ours[at]))) images/s; \(microseconds.formatted(1)) µs of processor an image, "
                + "which is \(Int(2e6 / microseconds)) images/s of two idle cores"
            if peer != nil {
                line +=
                    "; / PIL + NumPy: \(median(zip(ours[at], theirs[at]).map { $0 / $1 }).formatted(2)), by processor "
                line += median(zip(cpu[at], theirCPU[at]).map { $1 / $0 }).formatted(2)
            }
            print(line)
        }
        if let peer {
            let rates = (1...3).map { _ in 400 / peer.seconds("grey", 400) }
            print(
                "PIL + NumPy with 8-bit PNG, float32 and int8: \(Int(median(rates))) images/s; ours / that: "
                    + (median(ours[1]) / median(rates)).formatted(1))
        }
        if let seconds = peer?.seconds("mplfinance", 5), seconds > 0 {
            print("mplfinance: \((5 / seconds).formatted(1)) images/s on one core")
        }
        parts(market)
    }

    /// Where the time of one image goes, on one thread.
    private static func parts(_ market: ChartsMarket) {
        let chart = CandleChart(ChartLayout(style))
        var page = Bitmap(width: 512, height: 512)
        var deflater = RowDeflater()
        var file: [UInt8] = []
        let bars = Int(style.bars)
        func microseconds(_ body: (Int) -> Void) -> String {
            let count = 4000
            let start = processorSeconds()
            for at in 0..<count { body(at) }
            return ((processorSeconds() - start) / Double(count) * 1e6).formatted(1)
        }
        func draw(_ at: Int) {
            page.clear()
            let series = market.series[at % market.series.count]
            let first = at % (series.count - bars)
            chart.draw(series, first..<first + bars, top: 0, into: &page)
        }
        let drawing = microseconds(draw)
        let png = microseconds { at in
            if at % 50 == 0 { draw(at / 50) }
            file.removeAll(keepingCapacity: true)
            PNG.append(page, to: &file, &deflater)
        }
        let packed = microseconds { at in
            if at % 50 == 0 { draw(at / 50) }
            deflater.packed(page.words.span, wordsPerRow: page.wordsPerRow, rowBytes: 64) { _ in }
        }
        let floats = microseconds { at in
            if at % 50 == 0 { draw(at / 50) }
            deflater.pixels(
                page.words.span, wordsPerRow: page.wordsPerRow, width: 512, black: [0, 0, 0, 0],
                white: [0, 0, 0x80, 0x3F]
            ) { _ in }
        }
        print("µs an image on one core: drawing \(drawing), PNG \(png), bits \(packed), float32 \(floats)")
    }

    /// The peer draws the same pixels, or the comparison would mean nothing.
    private static func compare(_ market: ChartsMarket, _ peer: PILPeer) {
        let count = 60
        let chart = CandleChart(ChartLayout(style))
        var mine: [UInt8] = []
        for at in 0..<count {
            var page = Bitmap(width: 512, height: 512)
            chart.draw(market.series[0], at..<at + Int(style.bars), top: 0, into: &page)
            mine += page.packed
        }
        let theirs = peer.answer(count)
        let same = theirs == mine
        if same { return print("PIL draws the same \(count) images, to the pixel") }
        let at = zip(theirs, mine).enumerated().first { $1.0 != $1.1 }?.offset ?? -1
        print("WRONG: PIL draws other images from byte \(at) of \(mine.count) on, \(theirs.count) of its own")
    }

    private static func million(_ market: ChartsMarket, images: Int) {
        let each = 20_000
        var runs: [ChartsRun] = []
        defer { for run in runs { run.remove() } }
        var done = 0
        var first = 0.0
        let start = ContinuousClock.now
        while done < images {
            runs.append(ChartsRun(market, [.png, .bits], events: each, style))
            done += each
            if done == 5 * each { first = residentMiB() }
            if done % (10 * each) == 0 { print("\(done) images: \(Int(residentMiB())) MiB resident") }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(
            "\(done) images in \(Int(seconds)) s; resident after \(5 * each): \(Int(first)) MiB, at the "
                + "end \(Int(residentMiB())) MiB")
    }

    private static func residentMiB() -> Double {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS") } ?? ""
        return (line.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
    }
    private static func median(_ values: [Double]) -> Double {
        values.isEmpty ? .nan : values.sorted()[values.count / 2]
    }
}

/// Bars made up, and the two blobs that a render job hands its workers.
final class ChartsMarket: BlobSource, Sendable {
    let series: [BarSeries]
    let seriesID: BlobID
    private let seriesBytes: [UInt8]

    init(symbols: Int, bars: Int) {
        var random = SplitMix64(seed: 5)
        var sessions: [TradingSession] = []
        var day = MarketDate.dayNumber(2020_01_02)
        while sessions.count < bars {
            if let session = TradingSession(dayNumber: day) { sessions.append(session) }
            day += 1
        }
        series = (0..<symbols).map { symbol in
            var series = BarSeries(symbol: "S\(symbol)", timeframe: .day1)
            var price = 20 + 60 * random.nextUnit()
            for session in sessions {
                let open = price * (1 + 0.02 * (random.nextUnit() - 0.5))
                price = open * (1 + 0.05 * (random.nextUnit() - 0.5))
                series.append(
                    start: session.opens, open: open, high: max(open, price) * (1 + 0.01 * random.nextUnit()),
                    low: min(open, price) * (1 - 0.01 * random.nextUnit()), close: price,
                    volume: (1e6 * (0.2 + random.nextUnit())).rounded())
            }
            return series
        }
        seriesBytes = SeriesSet(series).wireBytes
        seriesID = BlobID(of: seriesBytes)
    }
    func events(_ count: Int, bars: Int) -> [UInt8] {
        var events = ChartEvents()
        let each = series[0].count - bars + 1
        for at in 0..<count {
            events.series.append(UInt32(at / each % series.count))
            events.bars.append(UInt32(at % each + bars - 1))
        }
        events.parts = [ChartEvents.Part(folder: "by_date", count: UInt32(count))]
        return events.wireBytes
    }
    private let made = Mutex<[(BlobID, [UInt8])]>([])
    func keep(_ bytes: [UInt8]) -> BlobID {
        let id = BlobID(of: bytes)
        made.withLock { $0 = [(id, bytes)] }
        return id
    }
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        if blob == seriesID { return seriesBytes }
        guard let found = made.withLock({ $0.first { $0.0 == blob }?.1 }) else { throw JobError("no blob \(blob)") }
        return found
    }
}

/// One round: shards drawn by two threads, as a worker's compute threads do.
private final class ChartsRun {
    private let market: ChartsMarket
    private let style: ChartStyle
    private let outputs: ChartOutputs
    private let folder: String
    private let tasks: [Render.ShardTask]
    private let results: [Render.ShardResult]
    let seconds: Double
    /// Of both threads, the kernel's work for them included.
    let cpuSeconds: Double

    init(_ market: ChartsMarket, _ outputs: ChartOutputs, events: Int, _ style: ChartStyle) {
        self.market = market
        self.style = style
        self.outputs = outputs
        let folder = FileManager.default.temporaryDirectory.appending(path: "charts-bench-\(UUID().uuidString)").path
        self.folder = folder
        let list = market.keep(market.events(events, bars: Int(style.bars)))
        let settings = Render.Settings(folder: folder, style: style, outputs: outputs, timeframes: [1440])
        // As many for each thread, and at least two a thread, so that their ends meet.
        let each = min(10_000, max(1, events / 4))
        let tasks = stride(from: 0, to: events, by: each).enumerated().map { at, first in
            Render.ShardTask(
                series: market.seriesID, events: list, settings: settings, first: UInt32(first),
                count: UInt32(min(each, events - first)), path: "by_date/shard-\(at)")
        }
        self.tasks = tasks
        let next = Mutex(0)
        let found = Mutex<[(Int, Render.ShardResult)]>([])
        let start = ContinuousClock.now
        let processor = processorSeconds()
        DispatchQueue.concurrentPerform(iterations: 2) { _ in
            let context = RunContext(blobs: market)
            while true {
                let at = next.withLock { value in
                    defer { value += 1 }
                    return value
                }
                guard at < tasks.count else { return }
                do throws(JobError) {
                    let result = try RenderRunner.run(.shard(tasks[at]), index: UInt32(at), context: context)
                    if case .shard(let shard) = result { found.withLock { $0.append((at, shard)) } }
                } catch { print("WRONG: \(error)") }
            }
        }
        seconds = (ContinuousClock.now - start) / .seconds(1)
        cpuSeconds = processorSeconds() - processor
        results = found.withLock { $0.sorted { $0.0 < $1.0 }.map(\.1) }
    }
    var shardBytes: Int { results.reduce(0) { $0 + Int($1.fileBytes) } }
    var pngBytes: Int { results.reduce(0) { $0 + Int($1.pngBytes) } }

    /// Every file is read back; every 97th image is drawn again and compared in each of its forms.
    func check() -> String? {
        guard results.count == tasks.count else { return "\(results.count) of \(tasks.count) shards" }
        do {
            for (task, result) in zip(tasks, results) {
                let path = folder + "/" + task.path
                guard try DurableFiles.hash(of: path + ".h5").hash == result.fileHash else { return "\(path): hash" }
                let reader = try ShardReader(path + ".h5")
                let names = try FileManager.default.contentsOfDirectory(atPath: path + ".png")
                guard names.count == Int(result.rows), reader.rows == Int(result.rows) else { return "\(path): rows" }
                for row in stride(from: 0, to: reader.rows, by: 97) {
                    if let fault = try check(row, reader, path, task) { return "\(path), row \(row): \(fault)" }
                }
            }
        } catch { return "\(error)" }
        return nil
    }

    private func check(_ row: Int, _ reader: ShardReader, _ path: String, _ task: Render.ShardTask) throws -> String? {
        let bars = Int(style.bars)
        let each = market.series[0].count - bars + 1
        let event = Int(task.first) + row
        let series = market.series[event / each % market.series.count]
        let first = event % each
        var page = Bitmap(width: 512, height: 512)
        CandleChart(ChartLayout(style)).draw(series, first..<first + bars, top: 0, into: &page)
        var deflater = RowDeflater()
        var png: [UInt8] = []
        PNG.append(page, to: &png, &deflater)
        let start = Date(timeIntervalSince1970: Double(series.starts[first + bars - 1]) / 1000)
        let stamp = start.formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: false).timeSeparator(.omitted)
                .dateSeparator(.omitted))
        let name = "\(path).png/\(series.symbol)_\(stamp)Z_1d.png"
        guard let file = FileManager.default.contents(atPath: name), Array(file) == png else { return "PNG \(name)" }
        if outputs.contains(.bits), try reader.bytes(of: "bits", rows: row..<row + 1) != page.packed { return "bits" }
        if outputs.contains(.int8) {
            let grey: [UInt8] = page.packed.flatMap { (byte: UInt8) -> [UInt8] in
                (0..<8).map { (bit: Int) -> UInt8 in (byte >> UInt8(7 - bit)) & 1 == 1 ? 0x7F : 0x80 }
            }
            if try reader.bytes(of: "int8", rows: row..<row + 1) != grey { return "int8" }
            let floats = try reader.doubles("float32", rows: row..<row + 1)
            if floats != grey.map({ $0 == 0x7F ? 1.0 : 0.0 }) { return "float32" }
        }
        return nil
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// bench/peers/charts_pil.py as a running process.
private struct PILPeer {
    private let process: PeerProcess

    init?(_ market: ChartsMarket, bars: Int) {
        let series = market.series[0]
        var numbers: [Double] = []
        for at in 0..<series.count {
            numbers += [series.open[at], series.high[at], series.low[at], series.close[at], series.volume[at]]
        }
        guard
            let process = PeerProcess(
                script: "charts_pil.py", input: Data(ColumnBytes.doubles(numbers)), ["\(bars)"], chatters: true)
        else { return nil }
        self.process = process
    }
    /// That passed, and of the processor for the work alone: not for handing it out to the two processes.
    func times(_ what: String, _ count: Int) -> (seconds: Double, cpu: Double) {
        let numbers = process.ask("\(what) \(count)")
        return numbers.count == 2 ? (numbers[0], numbers[1]) : (.nan, .nan)
    }
    func seconds(_ what: String, _ count: Int) -> Double { times(what, count).seconds }
    func answer(_ count: Int) -> [UInt8] { process.bytes("answer \(count)") }
}

extension Double {
    fileprivate func formatted(_ decimals: Int) -> String {
        String(format: "%.\(decimals)f", locale: Locale(identifier: "en_US_POSIX"), self)
    }
}
