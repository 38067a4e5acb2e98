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
    private static let patience: UInt64 = 600_000
    /// A task waits so long for its lease in its worker's slot; for longer it is broken off. Milliseconds.
    private static let slotPatience: UInt64 = 2000
    /// How far a series may begin after what was asked before the provider is taken to have cut it, in days.
    private static let lateDays = 10

    private let spec: Ingest.Spec
    private var desk: ProviderDesk
    private var job: UInt32 = 0
    private var sources: [Source]
    private var tasks: [Given] = []
    private var items: UInt32 = 0
    /// While it is rebuilt: the items that were given out.
    private var givenOut: Set<UInt32>?
    private var summary = Ingest.Summary()
    private var ceilingAlerted = 0
    private var hasEnded = false
    /// When to look again whether a quota has room, by the desk's clock.
    package private(set) var wakeAt: UInt64?

    private struct Given {
        var source: Int
        var item: Source.Item
        var run: UInt64 = 0
        var number: UInt32 = 0
        var decision: Ingest.Answer.Decision?
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

    private mutating func take(_ result: Ingest.Result, of index: Int, _ step: inout Step<Ingest.Task>)
        throws(JobError)
    {
        guard tasks.indices.contains(index) else { throw JobError("a result for task \(index) of \(tasks.count)") }
        let (source, item) = (tasks[index].source, tasks[index].item)
        close(index)
        if let news = result.news { try desk.hear(news, from: asker(index, result.run, result.number &- 1)) }
        step.publications.append(
            Ingest.Publication.fetched(
                task: UInt32(index), provider: sources[source].name, want: item.want, result
            ).wireBytes)
        for call in result.calls { sources[source].tally.add(call) }
        summary.bars += result.series.reduce(0) { $0 + UInt64($1.count) }
        summary.calls += UInt64(result.calls.count)
        summary.answered += UInt64(result.answered.count - result.unknown.count)
        if let rest = result.rest {
            var again = Source.Item(number: items, want: item.want, rest: nil)
            let open = Set(rest.calls.flatMap { $0.want.symbols })
            again.want.symbols.removeAll { !open.contains($0) }
            again.rest = rest
            enqueue(again, source, isFirst: true)
        }
        passOn(result, of: item.want, from: source)
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
            tasks.append(
                Given(source: source, item: Source.Item(number: task.item, want: task.want, rest: task.rest)))
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
    private mutating func park(_ hearing: Hearing) {
        guard case .parked(let index) = hearing.source, tasks.indices.contains(Int(index)) else { return }
        let given = tasks[Int(index)]
        close(Int(index))
        pass(given.item.want, after: given.source, String(decoding: hearing.bytes, as: UTF8.self))
    }

    // MARK: - What is asked of whom

    /// To the first provider after `source` that has such bars; without one it is a gap.
    private mutating func pass(_ want: BarsWanted, after source: Int, _ words: String) {
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

    private mutating func passOn(_ result: Ingest.Result, of want: BarsWanted, from source: Int) {
        var rest: [(words: String, symbols: [String])] = []
        let unknown = result.unknown.map { Ingest.Left($0, "unknown symbol") }
        for left in result.left + unknown {
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
        guard let days = sources[source].provider.traits.historyDays,
            MarketDate.dayNumber(want.from) < MarketDate.dayNumber(want.today) - days + 3
        else { return }
        for series in result.series where series.count > 0 {
            let first = series.date(of: 0)
            let firstDay = MarketDate.dayNumber(first)
            guard firstDay > MarketDate.dayNumber(want.from) + Self.lateDays else { continue }
            var batch = want
            batch.symbols = [series.symbol]
            batch.to = MarketDate.date(dayNumber: firstDay - 1)
            pass(batch, after: source, "\(sources[source].name) begins on \(MarketDate.text(first))")
        }
    }

    private mutating func plan(_ step: inout Step<Ingest.Task>) {
        wakeAt = nil
        for source in sources.indices { release(source, &step) }
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
            sources[source].running += 1
            sources[source].unasked += units
            var task = Ingest.Task(
                provider: sources[source].name, want: item.want,
                seed: spec.seed ^ UInt64(item.number) &* 0x9E37_79B9_7F4A_7C15)
            task.item = item.number
            task.rest = item.rest
            tasks.append(Given(source: source, item: item, unasked: units))
            step.tasks.append(task)
        }
    }
    private func hasOther(_ source: Int) -> Bool {
        sources.indices.contains { $0 > source && sources[$0].stopped == nil }
    }

    private mutating func close(_ index: Int) {
        guard !tasks[index].isOver else { return }
        heardFrom(index)
        tasks[index].isOver = true
        tasks[index].item.rest = nil
        sources[tasks[index].source].running -= 1
    }
    private mutating func heardFrom(_ index: Int) {
        sources[tasks[index].source].unasked -= tasks[index].unasked
        tasks[index].unasked = 0
    }

    // MARK: - Leases

    package mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8]) throws(JobError) -> Step<Ingest.Task> {
        var step = Step<Ingest.Task>()
        switch source {
        case .task(let index):
            guard tasks.indices.contains(Int(index)), let ask = try? Ingest.Ask(wireBytes: bytes) else { break }
            if let answer = try answer(ask, of: Int(index), &step) {
                step.answers.append(.task(index, answer.wireBytes))
            }
        case .parked: park(Hearing(source: source, bytes: bytes, afterResults: 0))
        case .request(let number): step.answers.append(.request(number, summary.wireBytes))
        }
        plan(&step)
        return step
    }
    /// `wakeAt` has come.
    package mutating func woken() -> Step<Ingest.Task> {
        var step = Step<Ingest.Task>()
        plan(&step)
        return step
    }
    private func asker(_ index: Int, _ run: UInt64, _ number: UInt32) -> ProviderDesk.Asker {
        ProviderDesk.Asker(job: job, task: UInt32(index), run: run, number: number)
    }

    private mutating func answer(_ ask: Ingest.Ask, of index: Int, _ step: inout Step<Ingest.Task>) throws(JobError)
        -> Ingest.Answer?
    {
        let source = tasks[index].source
        if tasks[index].run == ask.run {
            if ask.number < tasks[index].number { return nil }
            if ask.number == tasks[index].number, let decision = tasks[index].decision {
                return Ingest.Answer(run: ask.run, number: ask.number, decision)
            }
        }
        if let news = ask.news {
            try desk.hear(news, from: asker(index, ask.run, ask.number &- 1))
            if case .keyRefused(let words) = news { sources[source].refusedKey = words }
        }
        // Of another run's lease nobody will speak any more: it stays out until its end.
        tasks[index].run = ask.run
        tasks[index].number = ask.number
        heardFrom(index)
        let decision = try decide(ask.units, source, asker(index, ask.run, ask.number))
        tasks[index].decision = decision
        alert(source, &step)
        return Ingest.Answer(run: ask.run, number: ask.number, decision)
    }

    private func decide(_ units: UInt32, _ source: Int, _ asker: ProviderDesk.Asker) throws(JobError)
        -> Ingest.Answer.Decision
    {
        if let words = refusal(units, source) { return .leave(words) }
        switch try desk.ask(asker, sources[source].name, units, sources[source].limits) {
        case .lease: return .lease(validMilliseconds: Ingest.leaseMilliseconds)
        case .wait(let wait) where wait <= Self.slotPatience: return .wait(wait)
        case .wait(let wait) where wait > Self.patience && hasOther(source):
            return .leave(desk.trouble(sources[source].name) ?? "its quota is used up")
        case .wait: return .breakOff
        case .never: return .leave("\(units) units at once are more than its limits allow")
        }
    }

    /// Why nothing at all may be asked, whatever the quota.
    private func refusal(_ units: UInt32, _ source: Int) -> String? {
        if let words = sources[source].stopped ?? sources[source].refusedKey { return "its key is refused: \(words)" }
        return ceiling(units, source)
    }

    // MARK: - Ceilings

    private var spentUnits: UInt64 { sources.reduce(0) { $0 + desk.spent(job, $1.name) } }
    private var spentMicrodollars: UInt64 {
        sources.reduce(0) { $0 + desk.spent(job, $1.name) * $1.microdollarsPerUnit }
    }

    private func ceiling(_ units: UInt32, _ source: Int) -> String? {
        if spec.ceilingUnits > 0, spentUnits + UInt64(units) > spec.ceilingUnits {
            return "the ceiling of \(spec.ceilingUnits) units is reached"
        }
        let cost = UInt64(units) * sources[source].microdollarsPerUnit
        if spec.ceilingMicrodollars > 0, spentMicrodollars + cost > spec.ceilingMicrodollars {
            return "the ceiling of \(Ingest.dollars(spec.ceilingMicrodollars)) is reached"
        }
        return nil
    }

    private mutating func alert(_ source: Int, _ step: inout Step<Ingest.Task>) {
        func tell(_ words: String, _ summary: inout Ingest.Summary) {
            summary.alerts.append(words)
            step.publications.append(Ingest.Publication.alert(words).wireBytes)
        }
        if let percent = sources[source].alert(desk.share(sources[source].name, sources[source].limits)) {
            tell("\(sources[source].name): \(percent) % of the day's quota is used", &summary)
        }
        guard spec.ceilingUnits > 0 || spec.ceilingMicrodollars > 0 else { return }
        let shares = [
            spec.ceilingUnits > 0 ? Double(spentUnits) / Double(spec.ceilingUnits) : 0,
            spec.ceilingMicrodollars > 0 ? Double(spentMicrodollars) / Double(spec.ceilingMicrodollars) : 0,
        ]
        let reached = Source.alertShares.count { shares[0] >= $0 || shares[1] >= $0 }
        if reached > ceilingAlerted {
            tell("\(Int(Source.alertShares[reached - 1] * 100)) % of the ceiling is used", &summary)
        }
        ceilingAlerted = max(reached, ceilingAlerted)
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
