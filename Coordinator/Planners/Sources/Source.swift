import Jobs
import Market
import Providers

/// One provider as an ingest sees it: what may be asked of it, how it does, what waits for it.
struct Source {
    /// Shares of a quota or a ceiling at which somebody is told.
    static let alertShares = [0.5, 0.8, 0.95]
    /// Bars in one result at most: some 5 MB, well under a message.
    private static let barsInTask = 100_000

    let provider: any Provider
    let limits: ProviderLimits
    let microdollarsPerUnit: UInt64
    var budget: SourceBudget
    var health = SourceHealth()
    private(set) var queue: [BarsWanted] = []
    private var queueAt = 0
    var running = 0
    private var alerted = 0

    init(_ provider: any Provider, _ override: Ingest.Limits?) {
        self.provider = provider
        limits = override?.limits ?? provider.traits.limits
        microdollarsPerUnit = override?.microdollarsPerUnit ?? 0
        budget = SourceBudget(limits)
    }
    var name: String { provider.name }

    func serves(_ want: BarsWanted) -> Bool {
        health.stopped == nil && provider.serves(want.timeframe, want.adjustment)
    }

    /// In batches that one call, or few, can answer, in the order given.
    mutating func enqueue(_ want: BarsWanted) {
        let barsPerSession = want.timeframe == .day1 ? 1 : 390 / Int(want.timeframe.rawValue) + 1
        let days = max(7, Self.barsInTask / barsPerSession / 5 * 7)
        let (first, last) = (MarketDate.dayNumber(want.from), MarketDate.dayNumber(want.to))
        let sessions = max(1, min(days, last - first + 1) * 5 / 7 + 1)
        // A batch costs a unit a symbol with some; none may be more than the smallest window allows.
        let smallest = Int(limits.rates.map(\.units).min() ?? .max)
        let symbols = max(
            1, min(provider.traits.symbolsPerCall, Self.barsInTask / (sessions * barsPerSession), smallest))
        for start in stride(from: 0, to: want.symbols.count, by: symbols) {
            for day in stride(from: first, through: last, by: days) {
                var batch = want
                batch.symbols = Array(want.symbols[start..<min(start + symbols, want.symbols.count)])
                batch.from = MarketDate.date(dayNumber: day)
                batch.to = MarketDate.date(dayNumber: min(day + days - 1, last))
                queue.append(batch)
            }
        }
    }
    /// The next batch, while fewer run than may be asked at once.
    mutating func next() -> BarsWanted? {
        guard queueAt < queue.count, running < Int(limits.concurrent) else { return nil }
        defer { queueAt += 1 }
        running += 1
        return queue[queueAt]
    }
    /// All that waits, taken away.
    mutating func takeQueue() -> [BarsWanted] {
        defer {
            queue = []
            queueAt = 0
        }
        return Array(queue[queueAt...])
    }
    var isIdle: Bool { queueAt == queue.count && running == 0 }

    /// The newly reached share of the day's quota, in percent.
    mutating func alert(at now: UInt64) -> Int? {
        let share = budget.share(at: now)
        let reached = Self.alertShares.count { share >= $0 }
        defer { alerted = reached }
        return reached > alerted ? Int(Self.alertShares[reached - 1] * 100) : nil
    }
}
