import Jobs
import Messages

// What running tasks ask of the planner of an ingest: a lease for every call.
extension IngestPlanner {
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
    func asker(_ index: Int, _ run: UInt64, _ number: UInt32) -> ProviderDesk.Asker {
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
        tasks[index].leasedAt = nil
        try desk.attest(ask.date)
        if let news = ask.news {
            try desk.hear(news, from: asker(index, ask.run, ask.number &- 1))
            if case .keyRefused(let words) = news { sources[source].refusedKey = words }
        }
        // Of another run's lease nobody will speak any more: it stays out until its end.
        tasks[index].run = ask.run
        tasks[index].number = ask.number
        heardFrom(index)
        let decision = try decide(ask.units, source, index, asker(index, ask.run, ask.number))
        tasks[index].decision = decision
        if decision == .lease(validMilliseconds: Ingest.leaseMilliseconds) { tasks[index].leasedAt = desk.now }
        alert(source, &step)
        return Ingest.Answer(run: ask.run, number: ask.number, decision)
    }

    private func decide(_ units: UInt32, _ source: Int, _ index: Int, _ asker: ProviderDesk.Asker) throws(JobError)
        -> Ingest.Answer.Decision
    {
        if isBeaten(index) { return .leave(Self.beaten) }
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
    func refusal(_ units: UInt32, _ source: Int) -> String? {
        if let words = sources[source].stopped ?? sources[source].refusedKey { return "its key is refused: \(words)" }
        return ceiling(units, source)
    }
}
