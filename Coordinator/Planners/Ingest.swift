import Blobs
import Jobs
import Market
import Messages
import Providers

/// Deals symbols out to providers, leases every call, and passes on to the next provider what one does not give.
package struct IngestPlanner: Planner {
    package typealias Kind = Ingest
    /// A task waits so long for its provider when another could be asked instead. Milliseconds.
    private static let patience: UInt64 = 600_000
    /// How far a series may begin after what was asked before the provider is taken to have cut it, in days.
    private static let lateDays = 10

    private let spec: Ingest.Spec
    private var sources: [Source]
    private var clock = JobClock()
    /// Per task its source and batch, and what was last said.
    private var tasks: [Given] = []
    private var summary = Ingest.Summary()
    private var ceilingAlerted = 0
    private var hasEnded = false
    /// Of results, which come without a time: they count from when the clock is next told.
    private var untimed: [(source: Int, lease: UInt64, news: Ingest.News)] = []

    private struct Given {
        var source: Int
        var want: BarsWanted
        var run: UInt64 = 0
        var number: UInt32 = 0
        var decision: Ingest.Answer.Decision?
        var lease: UInt64?
        var isOver = false
    }

    package init(_ spec: Ingest.Spec, blobs: any BlobSource) throws(JobError) {
        sources = []
        for name in spec.providers {
            guard let provider = ProviderList.provider(named: name) else {
                throw JobError("there is no provider \(name); there are \(ProviderList.names.joined(separator: ", ")).")
            }
            guard !sources.contains(where: { $0.name == name }) else {
                throw JobError("provider \(name) is named twice; name it once.")
            }
            var source = Source(provider, spec.limits.first { $0.provider == name })
            for spent in spec.spent where spent.provider == name { source.budget.spent(spent.units, at: spent.wall) }
            sources.append(source)
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

    package mutating func start() -> Step<Ingest.Task> {
        var step = Step<Ingest.Task>()
        summary.wanted = spec.wants.reduce(0) { $0 + UInt64($1.symbols.count) }
        for want in spec.wants { pass(want, after: -1, "no provider has it", &step) }
        plan(&step)
        return step
    }

    package mutating func finished(_ index: Int, with result: Ingest.Result, load: Load) throws(JobError)
        -> Step<Ingest.Task>
    {
        guard tasks.indices.contains(index) else { throw JobError("a result for task \(index) of \(tasks.count)") }
        var step = Step<Ingest.Task>()
        let (source, want) = (tasks[index].source, tasks[index].want)
        close(index)
        if let lease = tasks[index].lease, tasks[index].run == result.run, let news = result.news {
            untimed.append((source, lease, news))
        }
        step.publications.append(
            Ingest.Publication.fetched(
                task: UInt32(index), provider: sources[source].name, want: want, wall: clock.now, result
            ).wireBytes)
        summary.bars += result.series.reduce(0) { $0 + UInt64($1.count) }
        summary.calls += UInt64(result.calls.count)
        summary.answered += UInt64(result.answered.count)
        summary.unknown += result.unknown.map { Ingest.Left($0, "unknown to \(sources[source].name)") }
        passOn(result, of: want, from: source, &step)
        plan(&step)
        return step
    }

    package mutating func restore(tasks: [Ingest.Task], results: [(index: Int, result: Ingest.Result)])
        throws(JobError) -> Step<Ingest.Task>
    { try restore(tasks: tasks, results: results, hearings: []) }

    /// Everything happens again as it happened, at the same times.
    package mutating func restore(
        tasks: [Ingest.Task], results: [(index: Int, result: Ingest.Result)], hearings: [Hearing]
    ) throws(JobError) -> Step<Ingest.Task> {
        var step = start()
        var hearings = hearings[...]
        let idle = Load(slots: 0, idleSlots: 0, queuedTasks: 0)
        for (count, (index, result)) in results.enumerated() {
            while let hearing = hearings.first, Int(hearing.afterResults) <= count {
                hearings.removeFirst()
                step.append(try heard(hearing.source, hearing.bytes, at: hearing.moment))
            }
            step.append(try finished(index, with: result, load: idle))
        }
        for hearing in hearings { step.append(try heard(hearing.source, hearing.bytes, at: hearing.moment)) }
        guard step.tasks.starts(with: tasks) else {
            throw JobError("the stored tasks are not those that would be planned; the state was edited.")
        }
        step.tasks.removeFirst(tasks.count)
        // Whoever still waits asks again.
        step.answers = []
        return step
    }

    // MARK: - What is asked of whom

    /// To the first provider after `source` that has such bars; without one it is a gap.
    private mutating func pass(_ want: BarsWanted, after source: Int, _ words: String, _ step: inout Step<Ingest.Task>)
    {
        guard !want.symbols.isEmpty else { return }
        guard let next = sources.indices.first(where: { $0 > source && sources[$0].serves(want) }) else {
            for symbol in want.symbols {
                summary.gaps.append(Ingest.Gap(symbol: symbol, from: want.from, to: want.to, words: words))
            }
            return
        }
        sources[next].enqueue(want)
    }

    private mutating func passOn(
        _ result: Ingest.Result, of want: BarsWanted, from source: Int, _ step: inout Step<Ingest.Task>
    ) {
        var rest: [(words: String, symbols: [String])] = []
        for left in result.left {
            if let at = rest.firstIndex(where: { $0.words == left.words }) {
                rest[at].symbols.append(left.symbol)
            } else {
                rest.append((left.words, [left.symbol]))
            }
        }
        for (words, symbols) in rest {
            var batch = want
            batch.symbols = symbols
            pass(batch, after: source, "\(sources[source].name): \(words)", &step)
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
            pass(batch, after: source, "\(sources[source].name) begins on \(MarketDate.text(first))", &step)
        }
    }

    private mutating func plan(_ step: inout Step<Ingest.Task>) {
        for source in sources.indices {
            while let want = sources[source].next() {
                let task = Ingest.Task(
                    provider: sources[source].name, want: want,
                    seed: spec.seed ^ UInt64(tasks.count) &* 0x9E37_79B9_7F4A_7C15)
                tasks.append(Given(source: source, want: want))
                step.tasks.append(task)
            }
        }
        summary.sources = sources.map { Ingest.SourceSummary($0.name, $0.health, units: $0.budget.units) }
        var status = PlanStatus()
        status.stages = [
            PlanStatus.Stage(name: "symbols", done: summary.answered, total: summary.wanted, unit: "symbols")
        ]
        step.status = status
        guard !hasEnded, sources.allSatisfy({ $0.isIdle }) else { return }
        hasEnded = true
        step.end = .answer(summary.wireBytes)
    }

    private mutating func close(_ index: Int) {
        guard !tasks[index].isOver else { return }
        tasks[index].isOver = true
        sources[tasks[index].source].running -= 1
    }

    // MARK: - Leases

    package mutating func heard(_ source: Hearing.Source, _ bytes: [UInt8], at moment: Moment) throws(JobError)
        -> Step<Ingest.Task>
    {
        var step = Step<Ingest.Task>()
        clock.tell(moment)
        for (source, lease, news) in untimed { hear(news, of: source, lease, &step) }
        untimed = []
        switch source {
        case .task(let index):
            guard tasks.indices.contains(Int(index)), let ask = try? Ingest.Ask(wireBytes: bytes) else { break }
            if let answer = answer(ask, of: Int(index), &step) { step.answers.append(.task(index, answer.wireBytes)) }
        case .parked(let index):
            guard tasks.indices.contains(Int(index)) else { break }
            let given = tasks[Int(index)]
            close(Int(index))
            pass(given.want, after: given.source, String(decoding: bytes, as: UTF8.self), &step)
        case .request(let number): step.answers.append(.request(number, summary.wireBytes))
        }
        plan(&step)
        return step
    }

    private mutating func answer(_ ask: Ingest.Ask, of index: Int, _ step: inout Step<Ingest.Task>) -> Ingest.Answer? {
        let source = tasks[index].source
        if tasks[index].run == ask.run {
            if ask.number < tasks[index].number { return nil }
            if ask.number == tasks[index].number, let decision = tasks[index].decision {
                return Ingest.Answer(run: ask.run, number: ask.number, decision)
            }
            if let news = ask.news, let lease = tasks[index].lease { hear(news, of: source, lease, &step) }
        }
        // Of another run's lease nobody will speak any more: it stays out until its end.
        tasks[index].lease = nil
        tasks[index].run = ask.run
        tasks[index].number = ask.number
        var lease: UInt64?
        let decision = decide(ask.units, source, &lease)
        tasks[index].lease = lease
        tasks[index].decision = decision
        alert(source, &step)
        return Ingest.Answer(run: ask.run, number: ask.number, decision)
    }

    private mutating func hear(
        _ news: Ingest.News, of source: Int, _ lease: UInt64, _ step: inout Step<Ingest.Task>
    ) {
        let now = clock.now
        sources[source].health.hear(news, at: now)
        switch news {
        case .unused: sources[source].budget.end(lease, at: now, wasUsed: false)
        case .answered, .declined: sources[source].budget.end(lease, at: now, wasUsed: true)
        case .limited(let window, let retryAfter):
            sources[source].budget.end(lease, at: now, wasUsed: true)
            let pause =
                switch window {
                case .second: 2 * ProviderLimits.second
                case .unknown, .minute: ProviderLimits.minute
                // When a day's quota begins anew is nobody's promise: it is looked at every hour.
                case .hour, .day: ProviderLimits.hour
                }
            sources[source].budget.block(until: now + min(retryAfter ?? pause, ProviderLimits.day))
        case .failed(let retryAfter):
            // Its answer is missing: the call itself may still arrive.
            sources[source].budget.end(lease, at: now, wasUsed: true, straggles: Ingest.straggleMilliseconds)
            if let retryAfter { sources[source].budget.block(until: now + min(retryAfter, ProviderLimits.day)) }
        case .keyRefused(let words):
            sources[source].budget.end(lease, at: now, wasUsed: true)
            for want in sources[source].takeQueue() {
                pass(want, after: source, "\(sources[source].name): \(words)", &step)
            }
        }
    }

    private mutating func decide(_ units: UInt32, _ source: Int, _ lease: inout UInt64?) -> Ingest.Answer.Decision {
        let now = clock.now
        let latest = UInt64(Ingest.leaseMilliseconds) + Ingest.callMilliseconds + Ingest.straggleMilliseconds
        if let stopped = sources[source].health.stopped { return .leave("its key is refused: \(stopped)") }
        if let words = ceiling(units, source) { return .leave(words) }
        if let wait = sources[source].health.wait(at: now, latest: latest) {
            return wait > Self.patience ? .leave("it fails again and again") : .wait(wait)
        }
        switch sources[source].budget.ask(units, at: now, latest: latest) {
        case .lease(let number):
            lease = number
            return .lease(validMilliseconds: Ingest.leaseMilliseconds)
        case .wait(let wait):
            sources[source].health.withdraw(at: now)
            let hasOther = sources.indices.contains { $0 > source && sources[$0].health.stopped == nil }
            return wait > Self.patience && hasOther ? .leave("its quota is used up") : .wait(wait)
        case .never:
            sources[source].health.withdraw(at: now)
            return .leave("\(units) units at once are more than its limits allow")
        }
    }

    // MARK: - Ceilings

    private var spentUnits: UInt64 { sources.reduce(0) { $0 + $1.budget.units } }
    private var spentMicrodollars: UInt64 { sources.reduce(0) { $0 + $1.budget.units * $1.microdollarsPerUnit } }

    private func ceiling(_ units: UInt32, _ source: Int) -> String? {
        if spec.ceilingUnits > 0, spentUnits + UInt64(units) > spec.ceilingUnits {
            return "the ceiling of \(spec.ceilingUnits) units is reached"
        }
        let cost = UInt64(units) * sources[source].microdollarsPerUnit
        if spec.ceilingMicrodollars > 0, spentMicrodollars + cost > spec.ceilingMicrodollars {
            return "the ceiling of \(spec.ceilingMicrodollars) millionths of a dollar is reached"
        }
        return nil
    }

    private mutating func alert(_ source: Int, _ step: inout Step<Ingest.Task>) {
        func tell(_ words: String, _ summary: inout Ingest.Summary) {
            summary.alerts.append(words)
            step.publications.append(Ingest.Publication.alert(words).wireBytes)
        }
        if let percent = sources[source].alert(at: clock.now) {
            tell("\(sources[source].name): \(percent) % of the day's quota is used", &summary)
        }
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
    fileprivate init(_ name: String, _ health: SourceHealth, units: UInt64) {
        self.init(
            name: name, units: units, succeeded: UInt32(health.succeeded), empty: UInt32(health.empty),
            limited: UInt32(health.limited), failed: UInt32(health.failed), declined: UInt32(health.declined),
            medianMilliseconds: health.latency(percentile: 50), slowMilliseconds: health.latency(percentile: 95),
            lastSuccess: health.lastSuccess ?? 0, stopped: health.stopped ?? "")
    }
}
