import Blobs
import CoordinatorShell
import Foundation
import JSON
import Jobs
import Market
import Messages
import Planners
import Report

/// `apex submit render`: charts of windows of bars, as PNG files and HDF5 shards.
enum RenderCommand {
    static let help = """
        usage: apex submit render (--daily FILE | --store FILE | --minutes PATH…) --out DIR [OPTIONS]

        Draws an image of the bars up to each event, an event being a bar, into DIR: PNG files, and HDF5 shards with the
        images as tensors and columns that say which bars each one shows. When all shards are there, manifest.json and
        render_log.csv name them with their hashes. The same bars and options give the same bytes.

          --daily FILE        daily bars of many symbols: symbol,date,open,high,low,close,volume, plain or gzip
          --store FILE        daily bars of a store, see `apex data`; --adjustment and --feed where it has several: the
                              manifest then says who gave them, and how far each is trusted
          --minutes PATH      one-minute bars: SYMBOL.csv or SYMBOL.csv.gz with timestamp_ms,open,high,low,close,volume,
                              or a folder of them; may be given several times
          --out DIR           where they go, a folder that every worker sees under the same name
          --outputs LIST      of png, bits, float32, int8 (default png,bits)
          --timeframes LIST   of 1m, 5m, 15m, 1h, 1d: an image of each for every event (default the bars' own); events are
                              bars of the finest
          --bars N            bars in one image (default 31)
          --every N           an event at every Nth bar (default 1)
          --from, --to DATE   events of these days only, as 2017-03-31
          --style STYLE       candles, or pattern: three channels of texture, distance to the EMA of 21, RSI
                              (default candles; 64 pixels and 64 bars with pattern)
          --size S            pixels, a multiple of 8 from 64 to 1024 (default 512)
          --no-volume         prices take the whole height
          --grid              a dotted grid
          --partition LIST    of date, month, regime: folders that events are cut into (default date)
          --shard-events N    events in one shard at most (default 10000)
          --priority P, --after JOB, --name NAME, --wait, --json   as with apex submit
        \(whereHelp)

        Exit code with --wait: 0 all drawn, 1 a shard failed or the job was cancelled, 3 stopped following.

        example: apex submit render --daily bars.csv.gz --out charts --outputs png,bits,int8 --wait
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let options = try RenderOptions(&arguments)
        let drawing = try drawing(options)
        // Before any other thread: they must inherit that signals are blocked.
        let stop = options.wait ? try StopSignal() : nil
        let client = try Client(options.place)
        let job = try client.submit(submission(drawing, options, client))
        guard let stop else {
            if options.json { printJSON(["job": JSONValue(job.number)]) } else { print("job \(job)") }
            return .done
        }
        guard let status = try JobFollower(client, stop).follow(job) else { return .resumable }
        if status.failed > 0 {
            for (index, words) in try client.failures(of: job, limit: 5) {
                complain("task \(job).\(index) failed: \(words)")
            }
        }
        guard status.state == .done, status.failed == 0, let answer = status.answer else {
            if !status.reason.isEmpty { complain("apex submit render: job \(job): \(status.reason)") }
            return .failed
        }
        try report(status, try client.blob(answer), options)
        if options.style.kind == .candles, options.outputs.contains(.bits) {
            try ChartsReport.write(try ChartFolder(options.folder), to: options.folder + "/report.html")
            if !options.json { print("\(options.folder)/report.html shows samples") }
        }
        return .done
    }

    static func request(_ arguments: inout Arguments) throws -> JobRequest {
        let options = try RenderOptions(&arguments)
        return JobRequest(isFollowed: options.wait || options.json) { client in
            try submission(drawing(options), options, client)
        }
    }

    /// What is drawn: the bars, and the events among them.
    private struct Drawing {
        var series: [BarSeries]
        var events: ChartEvents
        var timeframes: [Timeframe]
    }
    private static func drawing(_ options: RenderOptions) throws -> Drawing {
        let input = try options.bars.read()
        let timeframes = try options.bars.timeframes(options.timeframes)
        return Drawing(series: input.series, events: try find(input, timeframes, options), timeframes: timeframes)
    }
    private static func submission(_ drawing: Drawing, _ options: RenderOptions, _ client: Client) throws -> Submission
    {
        let series = try client.put(SeriesSet(drawing.series).wireBytes)
        let list = try client.put(drawing.events.wireBytes)
        let spec = Render.Spec(
            series: series, events: list,
            settings: Render.Settings(
                folder: options.folder, style: options.style, outputs: options.outputs,
                timeframes: drawing.timeframes.map(\.rawValue)), shardEvents: options.shardEvents)
        return Submission(
            token: UInt64.random(in: 1...UInt64.max), kind: Render.name, spec: spec.wireBytes, name: options.name,
            priority: options.priority, after: options.after)
    }

    private static func find(_ input: RenderInput, _ timeframes: [Timeframe], _ options: RenderOptions) throws
        -> ChartEvents
    {
        var finder = ChartEventFinder(
            timeframes: timeframes, bars: Int(options.style.bars), stride: Int(options.stride), dates: options.dates)
        for (position, series) in input.series.enumerated() { finder.add(series, position: position) }
        var events = finder.events(options.partitions)
        events.sources = input.sources
        guard !events.bars.isEmpty else {
            let why = events.rejected.map { "\($0.count) × \($0.reason)" }.joined(separator: ", ")
            throw JobError(
                "no event can be drawn\(why.isEmpty ? "; no bar lies in these dates" : ": " + why); give more bars, or "
                    + "fewer with --bars.")
        }
        return events
    }

    private static func report(_ status: JobStatus, _ manifest: [UInt8], _ options: RenderOptions) throws {
        guard let manifest = JSONValue(String(decoding: manifest, as: UTF8.self)) else {
            throw JobError("the job's answer is no manifest; is the coordinator another version?")
        }
        let shards = manifest["shards"]?.array ?? []
        func total(_ key: String) -> Double { shards.reduce(0) { $0 + ($1[key]?.double ?? 0) } }
        let images = manifest["images"]?.double ?? 0
        let seconds = Double(max(1, status.ended - status.submitted)) / 1000
        if options.json {
            printJSON([
                "job": JSONValue(status.id.number), "out": .string(options.folder), "images": .number(images),
                "shards": JSONValue(shards.count), "seconds": .number(seconds),
                "images_per_second": .number((images / seconds).rounded()), "shard_bytes": .number(total("bytes")),
                "png_bytes": .number(total("png_bytes")), "rejected_events": manifest["rejected_events"] ?? [],
            ])
            return
        }
        print(
            "\(options.folder): \(Int(images)) images in \(counted(shards.count, "shard")), \(fixed(seconds, 2)) s, "
                + "\(short(images / seconds)) images/s; an image takes \(Int(total("bytes") / images)) bytes in shards"
                + (options.outputs.contains(.png) ? " and \(Int(total("png_bytes") / images)) as PNG" : ""))
        for rejection in manifest["rejected_events"]?.array ?? [] {
            print("  not drawn: \(Int(rejection["count"]?.double ?? 0)) × \(rejection["reason"]?.string ?? "")")
        }
    }
}
