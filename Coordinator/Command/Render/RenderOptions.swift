import Jobs
import Market
import Messages
import Planners

/// What `apex submit render` was told, checked.
struct RenderOptions {
    var place: Place
    var bars: NamedBars
    var folder: String
    var outputs: ChartOutputs = [.png, .bits]
    var style = ChartStyle()
    var timeframes: [Timeframe]?
    var stride: UInt32
    var dates: ClosedRange<Int32>
    var partitions: [ChartEventFinder.Partition] = [.date]
    var shardEvents: UInt32
    var priority: Int32
    var after: [JobID] = []
    var name: String
    var wait: Bool, json: Bool

    init(_ arguments: inout Arguments) throws {
        json = arguments.flag("--json")
        wait = arguments.flag("--wait")
        bars = try NamedBars(&arguments, "to draw")
        guard let out = try arguments.value("--out"), !out.isEmpty else {
            throw UsageError("--out is missing; name the folder for the images, as --out charts.")
        }
        folder = absolute(out)
        try Self.readStyle(&arguments, &style)
        if let names = try Self.list("--outputs", &arguments) {
            outputs = []
            for name in names {
                guard let named = ChartOutputs.named.first(where: { $0.name == name }) else {
                    throw UsageError("--outputs names \(name); choose from png, bits, float32, int8.")
                }
                outputs.insert(named.output)
            }
        } else if style.kind == .pattern {
            outputs = [.png, .int8]
        }
        guard style.kind == .candles || !outputs.contains(.bits) else {
            throw UsageError("bits are of two colours, and pattern images have 256 a channel: choose int8 or float32.")
        }
        if let names = try Self.list("--timeframes", &arguments) {
            timeframes = Array(
                Set(
                    try names.map { name throws(UsageError) in
                        guard let timeframe = Timeframe(name: name) else {
                            throw UsageError("--timeframes names \(name); choose from 1m, 5m, 15m, 1h, 1d.")
                        }
                        return timeframe
                    })
            ).sorted()
        }
        if let names = try Self.list("--partition", &arguments) {
            partitions = try names.map { name throws(UsageError) in
                guard let partition = ChartEventFinder.Partition(rawValue: name) else {
                    throw UsageError(
                        "--partition names \(name); choose from "
                            + ChartEventFinder.Partition.allCases.map(\.rawValue).joined(separator: ", ") + ".")
                }
                return partition
            }
            guard Set(partitions.map(\.rawValue)).count == partitions.count,
                !(partitions.contains(.date) && partitions.contains(.month))
            else { throw UsageError("--partition names the same folders twice; give date or month, once.") }
        }
        let from = try Self.date("--from", &arguments) ?? 0
        let to = try Self.date("--to", &arguments) ?? 9999_12_31
        guard from <= to else { throw UsageError("--from is later than --to; no day lies between them.") }
        dates = from...to
        stride = try arguments.integer("--every", 1...1_000_000) ?? 1
        shardEvents = try arguments.integer("--shard-events", 1...1_000_000) ?? 10_000
        priority = try arguments.integer("--priority", Int32.min...Int32.max) ?? 0
        name = try arguments.value("--name") ?? ""
        while let job = try arguments.firstValue("--after") { after.append(try JobID(argument: job)) }
        place = try Place.from(&arguments)
        try arguments.finishWithoutTrailing()
    }

    private static func readStyle(_ arguments: inout Arguments, _ style: inout ChartStyle) throws {
        if let name = try arguments.value("--style") {
            guard let kind = ChartStyle.Kind.allCases.first(where: { $0.name == name }) else {
                throw UsageError("--style is \(name); choose candles or pattern.")
            }
            style.kind = kind
            if kind == .pattern { (style.size, style.bars) = (64, 64) }
        }
        style.size = try arguments.integer("--size", ChartStyle.sizes) ?? style.size
        style.bars = try arguments.integer("--bars", 1...1024) ?? style.bars
        if arguments.flag("--no-volume") { style.hasVolume = false }
        if arguments.flag("--grid") { style.hasGrid = true }
        if let fault = style.fault { throw UsageError("\(fault).") }
    }

    private static func list(_ name: String, _ arguments: inout Arguments) throws -> [String]? {
        guard let text = try arguments.value(name) else { return nil }
        let words = text.split(separator: ",").map(String.init)
        guard !words.isEmpty else { throw UsageError("\(name) names nothing; give a list, as \(name) a,b.") }
        return words
    }
    private static func date(_ name: String, _ arguments: inout Arguments) throws -> Int32? {
        guard let text = try arguments.value(name) else { return nil }
        guard let date = MarketDate.parse(text) else {
            throw UsageError("\(name) is \(text); give a day as 2017-03-31.")
        }
        return date
    }
}
