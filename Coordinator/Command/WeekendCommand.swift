import Bars
import Blobs
import Configuration
import CoordinatorShell
import Foundation
import JSON
import Jobs
import Market
import Messages

/// `apex weekend`: universe → variations → prune → groups → select → report.
enum WeekendCommand: Subcommand {
    static let name = "weekend"
    static let summary = "run the whole weekend on a file of daily bars, or on a demo market"
    static let help = """
        usage: apex weekend [--bars FILE | --store FILE | --demo] [OPTIONS]

        Tests parameter variations of ten trading algorithms on five days of 1,000 tickers, prunes them, searches every
        group of 3 and 4 that agree, and writes DIR/run.sqlite, DIR/report.json and DIR/report.html. Without --bars it
        runs on a made-up market. Ctrl-C or a crash loses nothing finished: the same command, or `apex resume DIR`,
        goes on where it stopped.

          --bars FILE           daily bars: CSV or gzip, with symbol,date,open,high,low,close,volume in any order
          --store FILE          daily bars of a store, see `apex data`; --adjustment and --feed where it has several
          --demo                the made-up market (seeded, so it is always the same)
          --week-ending DATE    the newest day, YYYY-MM-DD (default: the newest trading day of the file)
          --seed N              of the sample of tickers and of the search for variations (default 1)
          --cycles N            cycles of 8 variations per algorithm (default 200)
          --universe N          tickers (default 1000)
          --window N            bars in each of the five windows, 31 to 120 (default 31); the file needs 4 days more
          --sizes LIST          sizes of groups to keep, as 3,4 or 2..6 (default 3,4)
          --budget TIME         wall-clock limit, as 24h, 90s (default 24h) from the first task handed out to the last,
                                whatever the weekend is at; `apex resume DIR --budget TIME` goes on from there
          --out DIR             where the run lives (default ./weekend)
          --workers N           local workers (default: the cores this process may use)
          --coordinator ADDR    use a running cluster, tcp://… with --keys DIR (default $APEX_COORDINATOR, $APEX_KEYS)
          --state DIR           use the running cluster of this state folder on this machine
          --config FILE         other defaults for these: the sections weekend and groups of cluster.yaml
          --json                print one JSON object at the end and nothing else

        Exit code 0: proved; 4: the budget ended first; 3: interrupted, resumable.

        example: apex weekend --bars us-daily.csv.gz --seed 7 --budget 10m --out w1
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let command = "apex weekend " + CommandLine.arguments.dropFirst(2).joined(separator: " ")
        let wish = try WeekendWish(&arguments)
        let folder = wish.folder
        try wish.checkFolder()
        if wish.bars == nil, wish.store == nil, !wish.isDemo, try folder.manifest() == nil {
            complain("apex weekend: no --bars FILE given, so this runs on a made-up market.")
        }
        var clock = StageClock()
        clock.enter("universe")
        let input = try wish.input()
        for line in input.notes.words(universe: wish.settings.universe) { complain(line) }
        let (manifest, isNew) = try wish.manifest(input, command, token: UInt64.random(in: 1...UInt64.max))
        var more: UInt64 = 0
        if !isNew {
            complain("apex weekend: \(folder.path) holds this run already; going on where it stopped.")
            more = wish.settings.budget - min(wish.settings.budget, manifest.budgetMilliseconds)
        }
        return try WeekendRun(folder, manifest, input.bytes, workers: wish.workers, json: wish.json, clock: clock).run(
            addingBudget: more)
    }

    /// The weekend of these words on a coordinator that is there; its folder is ready for `apex resume`.
    static func request(_ arguments: inout Arguments, state: String?) throws -> JobRequest {
        let words = arguments.all.joined(separator: " ")
        let wish = try WeekendWish(&arguments)
        guard wish.workers == nil else {
            throw UsageError("--workers starts workers of its own; a schedule uses those that are there.")
        }
        return JobRequest(isFollowed: wish.json) { client, token, _ in
            try wish.checkFolder()
            let input = try wish.input()
            var here = wish
            if let state { (here.cluster, here.keys) = (StateFolder(absolute(state)).endpoint, nil) }
            let (manifest, _) = try here.manifest(input, "apex weekend " + words, token: token)
            try client.put(input.bytes)
            return try client.submit(manifest.submission(wish.folder))
        }
    }

    fileprivate static func difference(_ a: RunFolder.Identity, _ b: RunFolder.Identity) -> String {
        var parts: [String] = []
        if a.barsHash != b.barsHash { parts.append("other bars") }
        if a.weekEnding != b.weekEnding { parts.append("week ending \(a.weekEnding) instead of \(b.weekEnding)") }
        if a.seed != b.seed { parts.append("seed \(a.seed) instead of \(b.seed)") }
        if a.cycles != b.cycles { parts.append("\(a.cycles) cycles instead of \(b.cycles)") }
        if a.universe != b.universe { parts.append("\(a.universe) tickers instead of \(b.universe)") }
        if a.window != b.window { parts.append("windows of \(a.window) bars instead of \(b.window)") }
        if a.sizes != b.sizes { parts.append("sizes \(a.sizes) instead of \(b.sizes)") }
        return parts.isEmpty ? "other settings" : parts.joined(separator: ", ")
    }
}

/// What `apex weekend` was told, checked.
struct WeekendWish {
    var settings = WeekendSettings()
    let bars: String?
    let store: StoredBars?
    let isDemo: Bool
    private let weekEnding: String?
    let folder: RunFolder
    let workers: Int?
    fileprivate var keys: String?
    fileprivate var cluster: String?
    let json: Bool

    init(_ arguments: inout Arguments) throws {
        if let config = try arguments.value("--config") {
            settings = WeekendSettings(try Configuration(readingFrom: config))
        }
        bars = try arguments.value("--bars")
        isDemo = arguments.flag("--demo")
        store = try StoredBars(&arguments)
        guard (bars == nil ? 0 : 1) + (store == nil ? 0 : 1) + (isDemo ? 1 : 0) <= 1 else {
            throw UsageError("--bars, --store and --demo exclude each other.")
        }
        weekEnding = try arguments.value("--week-ending")
        settings.seed = try arguments.integer("--seed", 0...UInt64.max) ?? settings.seed
        settings.cycles = try arguments.integer("--cycles", 1...100_000) ?? settings.cycles
        settings.universe = try arguments.integer("--universe", 1...100_000) ?? settings.universe
        settings.window = try arguments.integer("--window", Universe.windowBarsAllowed) ?? settings.window
        if let sizes = try arguments.value("--sizes") { settings.sizes = try WeekendSettings.sizes(sizes) }
        if let budget = try arguments.value("--budget") { settings.budget = try WeekendSettings.budget(budget) }
        folder = RunFolder(try arguments.value("--out") ?? "weekend")
        workers = try arguments.integer("--workers", 1...4096)
        let environment = ProcessInfo.processInfo.environment
        keys = try arguments.value("--keys") ?? environment["APEX_KEYS"]
        cluster = try arguments.value("--coordinator") ?? environment["APEX_COORDINATOR"]
        if let state = try arguments.value("--state") { cluster = StateFolder(absolute(state)).endpoint }
        json = arguments.flag("--json")
        try arguments.finishWithoutTrailing()
    }

    func checkFolder() throws {
        guard folder.holdsSomethingElse else { return }
        throw JobError("\(folder.path): is not empty and holds no weekend; give another --out DIR.")
    }

    func input() throws -> WeekendInput {
        if let store {
            return try WeekendInput(store: store, settings: settings, weekEnding: weekEnding)
        }
        return try WeekendInput(bars: bars, settings: settings, weekEnding: weekEnding)
    }

    /// The folder's record: a new one, written, or that of the same run begun before.
    func manifest(_ input: WeekendInput, _ command: String, token: UInt64) throws -> (RunFolder.Manifest, isNew: Bool) {
        let manifest = RunFolder.Manifest(
            identity: input.identity, token: token, budgetMilliseconds: settings.budget, coordinator: cluster,
            keys: keys, command: command, started: timestamp(), universe: input.blob.description,
            sizes: settings.sizes, notes: input.notes)
        if let earlier = try folder.manifest() {
            guard earlier.identity == manifest.identity else {
                throw JobError(
                    "\(folder.path): holds a different run (\(WeekendCommand.difference(earlier.identity, manifest.identity)))"
                        + "; give another --out DIR, or `apex resume \(folder.path)` to go on with that one.")
            }
            return (earlier, false)
        }
        try folder.state.create()
        try folder.write(manifest)
        return (manifest, true)
    }
}

/// Now, for people: `2026-01-30T18:00:00Z`.
func timestamp(_ date: Date = Date()) -> String { ISO8601DateFormatter().string(from: date) }

/// Settings of a weekend, from cluster.yaml and the command line.
struct WeekendSettings {
    var seed: UInt64
    var cycles: Int
    var batch: Int
    var universe: Int
    /// Bars in one of the five windows.
    var window: Int
    var sizes: [UInt8]
    var keep: Int
    /// Wall-clock milliseconds.
    var budget: UInt64

    init(_ configuration: Configuration = Configuration()) {
        seed = configuration.weekend.seed
        cycles = configuration.weekend.cycles
        batch = configuration.weekend.batch
        universe = configuration.weekend.universe
        window = configuration.weekend.window
        sizes = configuration.groups.sizes.map { UInt8($0) }
        keep = configuration.weekend.keep
        budget = UInt64(configuration.weekend.budgetMilliseconds)
    }

    /// `3,4` or `2..6`, each 2…10.
    static func sizes(_ text: String) throws(UsageError) -> [UInt8] {
        let mistake = UsageError("--sizes is \(text); give sizes from 2 to 10, as 3,4 or 2..6.")
        let ends = text.split(separator: ".", omittingEmptySubsequences: true).compactMap { UInt8($0) }
        if text.contains("..") {
            guard ends.count == 2, ends[0] <= ends[1], ends[0] >= 2, ends[1] <= 10 else { throw mistake }
            return Array(ends[0]...ends[1])
        }
        let sizes = text.split(separator: ",", omittingEmptySubsequences: false).map { UInt8($0) }
        guard !sizes.isEmpty, sizes.allSatisfy({ $0.map { (2...10).contains($0) } ?? false }) else { throw mistake }
        return Array(Set(sizes.map { $0! })).sorted()
    }

    static func budget(_ text: String) throws(UsageError) -> UInt64 {
        let milliseconds: Int
        do { milliseconds = try Quantities.milliseconds(text) } catch {
            throw UsageError("--budget is \(text); \(error.advice).")
        }
        guard milliseconds > 0 else { throw UsageError("--budget is \(text); give a time above 0, as 24h or 90s.") }
        return UInt64(milliseconds)
    }
}

/// The bars, read and cut to a universe.
struct WeekendInput {
    let identity: RunFolder.Identity
    let notes: RunFolder.InputNotes
    let bytes: [UInt8]
    let blob: BlobID

    /// The demo market, with more symbols or days when the settings ask for more than it usually has.
    private static func demo(_ settings: WeekendSettings) -> [UInt8] {
        // At least two in three of its symbols are eligible.
        let symbols = settings.universe > 1000 ? 7 * settings.universe / 4 : DemoMarket.defaultSymbols
        return DemoMarket.csv(
            seed: settings.seed, symbolCount: min(symbols, DemoMarket.mostSymbols),
            dayCount: max(DemoMarket.defaultDays, Universe.days(windowBars: settings.window)))
    }

    init(bars path: String?, settings: WeekendSettings, weekEnding: String?) throws {
        let csv = try path.map { try InputFile.bytes(path: $0) } ?? Self.demo(settings)
        let name = path ?? "the demo market"
        try self.init(
            try DailyBars(csv: csv, name: name), hash: BlobID(of: csv), name: name, path: path.map(absolute) ?? "demo",
            isDemo: path == nil, settings: settings, weekEnding: weekEnding)
    }

    /// From a store alone. The run is told from another by the bars it draws, for a store grows.
    init(
        store stored: StoredBars, settings: WeekendSettings,
        weekEnding: String?
    ) throws {
        let store = try BarStore(path: stored.path, access: .read)
        let basis = try SeriesChoice.basis(of: store, minutes: SeriesKey.dayMinutes, stored.adjustment, stored.feed)
        try self.init(
            try store.dailyBars(basis), hash: nil, name: stored.name, path: "\(stored.path), \(basis)", isDemo: false,
            settings: settings, weekEnding: weekEnding)
    }

    private init(
        _ bars: DailyBars, hash: BlobID?, name: String, path: String, isDemo: Bool, settings: WeekendSettings,
        weekEnding: String?
    ) throws {
        var end: Int32?
        if let weekEnding {
            let digits = weekEnding.replacingOccurrences(of: "-", with: "")
            guard weekEnding.utf8.count == 10, digits.utf8.count == 8, let day = Int32(digits), MarketDate.isDay(day)
            else {
                throw UsageError("--week-ending is \(weekEnding); write a day as YYYY-MM-DD.")
            }
            end = day
        }
        let selection = try UniverseSelection(
            bars, weekEnding: end, count: settings.universe, windowBars: settings.window, seed: settings.seed,
            name: name)
        bytes = selection.universe.wireBytes
        blob = BlobID(of: bytes)
        identity = RunFolder.Identity(
            barsHash: (hash ?? blob).description, weekEnding: MarketDate.text(selection.weekEnding),
            seed: settings.seed, cycles: settings.cycles, batch: settings.batch, universe: settings.universe,
            window: settings.window,
            sizes: settings.sizes, keep: settings.keep)
        notes = RunFolder.InputNotes(
            bars: path, isDemo: isDemo, rows: bars.rowCount,
            symbols: selection.symbolCount,
            eligible: selection.eligibleCount,
            rejectedRows: bars.rejected.list.map {
                RunFolder.InputNotes.Row(reason: $0.reason.words, count: $0.count, firstLine: $0.firstLine)
            },
            rejectedSymbols: selection.rejected.map {
                RunFolder.InputNotes.Symbol(
                    reason: $0.rule.words(days: selection.universe.dates.count), count: $0.count)
            })
    }
}
