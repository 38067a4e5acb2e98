import Jobs
import Market
import Providers

/// One provider as one ingest sees it: what waits for it, what runs, how it did.
struct Source {
    /// Shares of a quota or a ceiling at which somebody is told.
    static let alertShares = [0.5, 0.8, 0.95]
    /// Bars in one result at most: some 5 MB, well under a message.
    private static let barsInTask = 100_000

    /// A batch under its number, which counts up over all sources of a job.
    struct Item {
        var number: UInt32
        var want: BarsWanted
        var rest: Ingest.Rest?
    }

    let provider: any Provider
    let limits: ProviderLimits
    let microdollarsPerUnit: UInt64
    var tally = SourceTally()
    var running = 0
    /// Units that tasks will ask for which have not asked yet.
    var unasked: UInt64 = 0
    /// Why it is not asked any more: known from a result, so that a planner that is rebuilt knows it too.
    var stopped: String?
    /// The same, heard a little earlier from a running task.
    var refusedKey: String?
    private var queue: [Item] = []
    private var queueAt = 0
    private var alerted = 0

    init(_ provider: any Provider, _ override: Ingest.Limits?) {
        self.provider = provider
        limits = override?.limits ?? provider.traits.limits
        microdollarsPerUnit = override?.microdollarsPerUnit ?? 0
    }
    var name: String { provider.name }

    func serves(_ want: BarsWanted) -> Bool {
        stopped == nil && provider.serves(want.timeframe, want.adjustment)
    }

    /// Batches that one call, or few, can answer, in the order given.
    func batches(of want: BarsWanted) -> [BarsWanted] {
        let barsPerSession = want.timeframe == .day1 ? 1 : 390 / Int(want.timeframe.rawValue) + 1
        let days = max(7, Self.barsInTask / barsPerSession / 5 * 7)
        let (first, last) = (MarketDate.dayNumber(want.from), MarketDate.dayNumber(want.to))
        let sessions = max(1, min(days, last - first + 1) * 5 / 7 + 1)
        // Where a call costs a unit a symbol, it may not be more than the smallest window allows.
        let costsBySymbol = (provider.calls(for: want).map(\.cost).max() ?? 1) > 1
        let most = costsBySymbol ? Int(limits.rates.map(\.units).min() ?? .max) : .max
        let symbols = max(1, min(provider.traits.symbolsPerCall, Self.barsInTask / (sessions * barsPerSession), most))
        var batches: [BarsWanted] = []
        for start in stride(from: 0, to: want.symbols.count, by: symbols) {
            for day in stride(from: first, through: last, by: days) {
                var batch = want
                batch.symbols = Array(want.symbols[start..<min(start + symbols, want.symbols.count)])
                batch.from = MarketDate.date(dayNumber: day)
                batch.to = MarketDate.date(dayNumber: min(day + days - 1, last))
                batches.append(batch)
            }
        }
        return batches
    }

    /// What its first call costs.
    func units(of item: Item) -> UInt64 {
        let call = item.rest.map { $0.calls.last } ?? provider.calls(for: item.want).first
        return UInt64(max(1, call?.cost ?? 1))
    }

    // MARK: - The queue

    mutating func append(_ item: Item) { queue.append(item) }
    /// A batch that was begun is ended before others begin.
    mutating func putBack(_ item: Item) {
        if queueAt > 0 {
            queueAt -= 1
            queue[queueAt] = item
        } else {
            queue.insert(item, at: 0)
        }
    }
    var first: Item? { queueAt < queue.count ? queue[queueAt] : nil }
    mutating func removeFirst() { queueAt += 1 }
    /// All that waits, taken away.
    mutating func takeQueue() -> [Item] {
        defer {
            queue = []
            queueAt = 0
        }
        return Array(queue[queueAt...])
    }
    var isIdle: Bool { queueAt == queue.count && running == 0 }

    /// The newly reached share of the day's quota, in percent.
    mutating func alert(_ share: Double) -> Int? {
        let reached = Self.alertShares.count { share >= $0 }
        defer { alerted = reached }
        return reached > alerted ? Int(Self.alertShares[reached - 1] * 100) : nil
    }
}
