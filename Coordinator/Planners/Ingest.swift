import Blobs
import Jobs
import Market
import Messages
import Providers

/// Deals symbols out to providers, and passes on to the next provider what one does not give. Which batches there are
/// follows from results alone; when they go out, and every lease, is the desk's to say, whose book outlives a restart.
package struct IngestPlanner: Planner {
    package typealias Kind = Ingest
    /// A batch waits so long for its provider when another could be asked instead. Milliseconds.
    static let patience: UInt64 = 600_000
    /// A task waits so long for its lease in its worker's slot; for longer it is broken off. Milliseconds.
    static let slotPatience: UInt64 = 2000
    /// How far a series may begin after what was asked before the provider is taken to have cut it, in days.
    private static let lateDays = 10

    let spec: Ingest.Spec
    var desk: ProviderDesk
    var job: UInt32 = 0
    var sources: [Source]
    var tasks: [Given] = []
    /// Batches that several providers are asked for, by the task that was first; looked up only.
    var races: [Int: Race] = [:]
    private var items: UInt32 = 0
    /// While it is rebuilt: the items that were given out.
    private var givenOut: Set<UInt32>?
    var summary = Ingest.Summary()
    var ceilingAlerted = 0
    private var hasEnded = false
    /// When to look again whether a quota has room or a call is late, by the desk's clock.
    package var wakeAt: UInt64?

    struct Given {
        var source: Int
        var item: Source.Item
        /// Given out beside this task, whose provider is slow.
        var hedges: Int?
        var run: UInt64 = 0
        var number: UInt32 = 0
        var decision: Ingest.Answer.Decision?
        /// Since when its call is under way, by the desk's clock.
        var leasedAt: UInt64?
        var unasked: UInt64 = 0
        var isOver = false
    }

    package init(_ spec: Ingest.Spec, blobs: any BlobSource) throws(JobError) {
        desk = try ProviderDesk()
        sources = []
        for name in spec.providers {
            guard let provider = ProviderList.provider(named: name) else {
                throw JobError("there is no provider \(name); there are \(ProviderList.names.joined(separator: ", ")).")
            }
            guard !sources.contains(where: { $0.name == name }) else {
                throw JobError("provider \(name) is named twice; name it once.")
            }
            sources.append(Source(provider, spec.limits.first { $0.provider == name }))
        }
        guard !sources.isEmpty else { throw JobError("no provider is named; name one of those that keys are for.") }
        for want in spec.wants {
            guard MarketDate.isDay(want.from), MarketDate.isDay(want.to), MarketDate.isDay(want.today) else {
                throw JobError("\(want.from)…\(want.to) is no range of dates; give days that exist.")
            }
            guard want.from <= want.to else {
                throw JobError(
                    "\(MarketDate.text(want.from)) is after \(MarketDate.text(want.to)); give the earlier day first.")
            }
            guard want.to <= want.today else {
                throw JobError("\(MarketDate.text(want.to)) is in the future; give a day up to today.")
            }
            guard sources.contains(where: { $0.serves(want) }) else {
                throw JobError(
                    "none of \(spec.providers.joined(separator: ", ")) has bars of \(want.timeframe.name) adjusted for "
                        + "\(want.adjustment.name); name another provider or adjustment.")
            }
        }
        self.spec = spec
    }

    package mutating func attach(_ desk: ProviderDesk, as job: JobID) {
        self.desk = desk
        self.job = job.number
    }

    package mutating func start() -> Step<Ingest.Task> {
        var step = Step<Ingest.Task>()
        begin()
        plan(&step)
        return step
    }
    private mutating func begin() {
        summary.wanted = spec.wants.reduce(0) { $0 + UInt64($1.symbols.count) }
        for want in spec.wants { pass(want, after: -1, "no provider has it") }
    }

    package mutating func finished(_ index: Int, with result: Ingest.Result, load: Load) throws(JobError)
        -> Step<Ingest.Task>
    {
        var step = Step<Ingest.Task>()
        try take(result, of: index, &step)
        plan(&step)
        return step
    }

    private mutating func take(_ whole: Ingest.Result, of index: Int, _ step: inout Step<Ingest.Task>)
        throws(JobError)
    {
        guard tasks.indices.contains(index) else { throw JobError("a result for task \(index) of \(tasks.count)") }
        let (source, item) = (tasks[index].source, tasks[index].item)
        close(index)
        try desk.attest(whole.date)
        if let news = whole.news { try desk.hear(news, from: asker(index, whole.run, whole.number &- 1)) }
        // What another provider answered first is dropped; what another one is still asked for is not passed on.
        let (result, held) = settle(whole, of: index, &step)
        step.publications.append(
            Ingest.Publication.fetched(
                task: UInt32(index), provider: sources[source].name, want: item.want, result
            ).wireBytes)
        for call in result.calls { sources[source].tally.add(call) }
        summary.bars += result.series.reduce(0) { $0 + UInt64($1.count) }
        summary.calls += UInt64(result.calls.count)
        summary.answered += UInt64(max(0, result.answered.count - result.unknown.count))
        if let rest = result.rest {
            var again = Source.Item(number: items, want: item.want, rest: nil)
            let open = Set(rest.calls.flatMap { $0.want.symbols })
            again.want.symbols.removeAll { !open.contains($0) }
            again.rest = rest
            enqueue(again, source, isFirst: true)
        }
        passOn(result, of: item.want, from: source, except: held)
        guard case .keyRefused(let words) = result.news, sources[source].stopped == nil else { return }
        sources[source].stopped = words
        for waiting in sources[source].takeQueue() {
            pass(waiting.want, after: source, "\(sources[source].name): its key is refused: \(words)")
        }
    }

    package mutating func restore(tasks: [Ingest.Task], results: [(index: Int, result: Ingest.Result)])
        throws(JobError) -> Step<Ingest.Task>
    { try restore(tasks: tasks, results: results, hearings: []) }

    /// Results bring forth the same batches again; which of them went out is read from the tasks.
    package mutating func restore(
        tasks stored: [Ingest.Task], results: [(index: Int, result: Ingest.Result)], hearings: [Hearing]
    ) throws(JobError) -> Step<Ingest.Task> {
        var step = Step<Ingest.Task>()
        for task in stored {
            guard let source = sources.firstIndex(where: { $0.name == task.provider }) else {
                throw JobError("the stored tasks are not those that would be planned; the state was edited.")
            }
            let first = task.hedges.map { Int($0) }
            guard first.map({ $0 < tasks.count && tasks[$0].hedges == nil }) ?? true else {
                throw JobError("the stored tasks are not those that would be planned; the state was edited.")
            }
            if let first { join(tasks.count, first, task.want.symbols) }
            tasks.append(
                Given(
                    source: source, item: Source.Item(number: task.item, want: task.want, rest: task.rest),
                    hedges: first))
            sources[source].running += 1
        }
        givenOut = Set(stored.map(\.item))
        begin()
        var parked = hearings.filter { if case .parked = $0.source { true } else { false } }[...]
        for (count, (index, result)) in results.enumerated() {
            while let hearing = parked.first, Int(hearing.afterResults) <= count {
                parked.removeFirst()
                park(hearing)
            }
            try take(result, of: index, &step)
        }
        for hearing in parked { park(hearing) }
        guard stored.allSatisfy({ $0.item < items }) else {
            throw JobError("the stored tasks are not those that would be planned; the state was edited.")
        }
        givenOut = nil
        plan(&step)
        return step
    }
    mutating func park(_ hearing: Hearing) {
        guard case .parked(let index) = hearing.source, tasks.indices.contains(Int(index)) else { return }
        let given = tasks[Int(index)]
        close(Int(index))
        let words = String(decoding: hearing.bytes, as: UTF8.self)
        var want = given.item.want
        let held = lose(Int(index), want.symbols, words)
        want.symbols.removeAll { held.contains($0) }
        pass(want, after: given.source, words)
    }

    // MARK: - What is asked of whom

    /// To the first provider after `source` that has such bars; without one it is a gap.
    mutating func pass(_ want: BarsWanted, after source: Int, _ words: String) {
        guard !want.symbols.isEmpty else { return }
        guard let next = sources.indices.first(where: { $0 > source && sources[$0].serves(want) }) else {
            for symbol in want.symbols {
                summary.gaps.append(Ingest.Gap(symbol: symbol, from: want.from, to: want.to, words: words))
            }
            return
        }
        for batch in sources[next].batches(of: want) {
            enqueue(Source.Item(number: items, want: batch, rest: nil), next, isFirst: false)
        }
    }
    private mutating func enqueue(_ item: Source.Item, _ source: Int, isFirst: Bool) {
        items += 1
        if givenOut?.contains(item.number) ?? false { return }
        if isFirst { sources[source].putBack(item) } else { sources[source].append(item) }
    }

    /// - Parameter held: symbols that others have answered, or are asked for already.
    private mutating func passOn(
        _ result: Ingest.Result, of want: BarsWanted, from source: Int, except held: Set<String>
    ) {
        var rest: [(words: String, symbols: [String])] = []
        let unknown = result.unknown.map { Ingest.Left($0, "unknown symbol") }
        for left in result.left + unknown where !held.contains(left.symbol) {
            if let at = rest.firstIndex(where: { $0.words == left.words }) {
                rest[at].symbols.append(left.symbol)
            } else {
                rest.append((left.words, [left.symbol]))
            }
        }
        summary.unknown += unknown.map { Ingest.Left($0.symbol, "unknown to \(sources[source].name)") }
        for (words, symbols) in rest {
            var batch = want
            batch.symbols = symbols
            pass(batch, after: source, "\(sources[source].name): \(words)")
        }
        // A plan that reaches back so far only answers with less, and does not say so.
        let traits = sources[source].provider.traits
        guard let days = traits.historyDays, let reach = traits.reach(of: want) else { return }
        for series in result.series where series.count > 0 {
            let first = series.date(of: 0)
            let firstDay = MarketDate.dayNumber(first)
            guard firstDay > MarketDate.dayNumber(want.from) + Self.lateDays else { continue }
            var batch = want
            batch.symbols = [series.symbol]
            batch.to = MarketDate.date(dayNumber: firstDay - 1)
            pass(batch, after: source, "\(sources[source].name) begins on \(MarketDate.text(first))")
        }
        // Nothing at all: it may have been traded only before.
        let told = Set(result.series.lazy.filter { $0.count > 0 }.map(\.symbol)).union(result.unknown).union(held)
        var silent = want
        silent.symbols = result.answered.filter { !told.contains($0) }
        silent.to = min(want.to, MarketDate.date(dayNumber: reach - 1))
        if !silent.symbols.isEmpty { pass(silent, after: source, "\(sources[source].name) reaches back \(days) days") }
    }

    mutating func plan(_ step: inout Step<Ingest.Task>) {
        wakeAt = nil
        for source in sources.indices { release(source, &step) }
        hedge(&step)
        summary.sources = sources.map { Ingest.SourceSummary($0, units: desk.spent(job, $0.name), desk) }
        var status = PlanStatus()
        status.stages = [
            PlanStatus.Stage(name: "symbols", done: summary.answered, total: summary.wanted, unit: "symbols")
        ]
        step.status = status
        step.isResting = wakeAt != nil && sources.allSatisfy { $0.running == 0 }
        guard !hasEnded, sources.allSatisfy({ $0.isIdle }) else { return }
        hasEnded = true
        step.isResting = false
        step.end = .answer(summary.wireBytes)
    }

    /// Gives out batches while their provider has room for their calls: what waits for a quota waits here, not in a
    /// worker's slot.
    private mutating func release(_ source: Int, _ step: inout Step<Ingest.Task>) {
        let limits = sources[source].limits
        while let item = sources[source].first, sources[source].running < Int(limits.concurrent) {
            let units = sources[source].units(of: item)
            let ahead = sources[source].unasked
            let wait = desk.wait(sources[source].name, units: ahead > 0 ? ahead + units : units, calls: 1, limits)
            // Whoever will be told no, is told when it asks: then there is a result that says so.
            let isRefused = refusal(UInt32(clamping: units), source) != nil || wait > Self.patience && hasOther(source)
            if !isRefused {
                let smallest = UInt64(limits.rates.map(\.units).min() ?? .max)
                if wait > 0 || ahead > 0 && ahead + units > smallest {
                    let look = desk.now + max(wait, ahead > 0 ? 1000 : 1)
                    wakeAt = min(wakeAt ?? look, look)
                    return
                }
            }
            sources[source].removeFirst()
            give(item, to: source, &step)
        }
    }
    /// - Parameter hedges: the task beside which it goes out.
    mutating func give(_ item: Source.Item, to source: Int, hedges: Int? = nil, _ step: inout Step<Ingest.Task>) {
        let units = sources[source].units(of: item)
        sources[source].running += 1
        sources[source].unasked += units
        var task = Ingest.Task(
            provider: sources[source].name, want: item.want,
            seed: spec.seed ^ UInt64(item.number) &* 0x9E37_79B9_7F4A_7C15)
        task.item = item.number
        task.rest = item.rest
        task.hedges = hedges.map { UInt32($0) }
        tasks.append(Given(source: source, item: item, hedges: hedges, unasked: units))
        step.tasks.append(task)
    }
    func hasOther(_ source: Int) -> Bool {
        sources.indices.contains { $0 > source && sources[$0].stopped == nil }
    }

    mutating func close(_ index: Int) {
        guard !tasks[index].isOver else { return }
        heardFrom(index)
        tasks[index].isOver = true
        tasks[index].item.rest = nil
        sources[tasks[index].source].running -= 1
    }
    mutating func heardFrom(_ index: Int) {
        sources[tasks[index].source].unasked -= tasks[index].unasked
        tasks[index].unasked = 0
    }
}

extension Ingest.SourceSummary {
    fileprivate init(_ source: Source, units: UInt64, _ desk: ProviderDesk) {
        let tally = source.tally
        self.init(
            name: source.name, units: max(units, tally.units), succeeded: tally[.answered], empty: tally[.empty],
            limited: tally[.limited], failed: tally[.failed], declined: tally[.declined],
            medianMilliseconds: tally.latency(percentile: 50), slowMilliseconds: tally.latency(percentile: 95),
            lastSuccess: desk.lastSuccess(source.name), stopped: source.stopped ?? "")
    }
}
