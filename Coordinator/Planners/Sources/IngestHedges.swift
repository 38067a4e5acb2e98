import Jobs
import Market
import Providers

/// A batch that more than one provider is asked for: who answers a symbol with bars first has it.
struct Race {
    /// A symbol that the first provider did not give while another was asked for it.
    struct Lost {
        var words: String
        /// Whom to ask when nobody in the race gives it: the next provider after this one.
        var after: Int
    }
    /// Symbols that nobody has answered yet.
    var open: Set<String>  // looked up only
    /// Tasks beside the first one.
    var beside: [Int] = []
    /// Symbols that another provider was asked for, each once.
    var asked: Set<String> = []  // looked up only
    var lost: [String: Lost] = [:]  // likewise
}

// A call that takes long is made of the next provider too, if that is wanted. Both leases are of the one desk: a hedge
// spends its own provider's quota and the job's ceiling, and takes only room that no batch waits for.
extension IngestPlanner {
    static let beaten = "another provider answered first"

    /// Looks for calls that are late, and asks the next provider beside them.
    mutating func hedge(_ step: inout Step<Ingest.Task>) {
        guard desk.hedging != .never else { return }
        for index in tasks.indices {
            guard !tasks[index].isOver, tasks[index].hedges == nil, let since = tasks[index].leasedAt,
                let patience = desk.patience(sources[tasks[index].source].name)
            else { continue }
            guard since + patience <= desk.now else {
                wakeAt = min(wakeAt ?? .max, since + patience)
                continue
            }
            hedge(index, &step)
        }
    }

    private mutating func hedge(_ index: Int, _ step: inout Step<Ingest.Task>) {
        let want = tasks[index].item.want
        guard let next = helper(for: want, of: tasks[index].source) else { return }
        var open = want
        open.symbols.removeAll { symbol in
            races[index].map { $0.asked.contains(symbol) || !$0.open.contains(symbol) } ?? false
        }
        guard !open.symbols.isEmpty else { return }
        for batch in sources[next].batches(of: open) {
            let item = Source.Item(number: tasks[index].item.number, want: batch, rest: nil)
            let units = sources[next].units(of: item)
            let (limits, ahead) = (sources[next].limits, sources[next].unasked)
            let smallest = UInt64(limits.rates.map(\.units).min() ?? .max)
            guard sources[next].first == nil, sources[next].running < Int(limits.concurrent),
                refusal(UInt32(clamping: units), next) == nil, ahead + units <= smallest,
                desk.wait(sources[next].name, units: ahead + units, calls: 1, limits) == 0
            else { return }
            join(tasks.count, index, batch.symbols)
            give(item, to: next, hedges: index, &step)
            desk.countHedge(sources[next].name)
        }
    }
    /// The next provider in the order of fallback, if it is well, and reaches as far back as is asked for.
    private func helper(for want: BarsWanted, of source: Int) -> Int? {
        guard let next = sources.indices.first(where: { $0 > source && sources[$0].serves(want) }),
            sources[next].refusedKey == nil, desk.isWell(sources[next].name),
            sources[next].provider.traits.reach(of: want) == nil
        else { return nil }
        return next
    }

    /// A task goes out beside another one, for these of its symbols.
    mutating func join(_ index: Int, _ first: Int, _ symbols: [String]) {
        var race = races[first] ?? Race(open: Set(tasks[first].item.want.symbols))
        race.beside.append(index)
        race.asked.formUnion(symbols)
        races[first] = race
    }

    /// Nothing of a task is wanted any more.
    func isBeaten(_ index: Int) -> Bool {
        guard let race = races[tasks[index].hedges ?? index] else { return false }
        return !tasks[index].item.want.symbols.contains { race.open.contains($0) }
    }

    /// What counts of a result: of a symbol only the first answer.
    /// - Returns: the result without what others gave before, and the symbols that are not to be passed on.
    mutating func settle(_ whole: Ingest.Result, of index: Int, _ step: inout Step<Ingest.Task>) -> (
        result: Ingest.Result, held: Set<String>
    ) {
        let first = tasks[index].hedges ?? index
        guard races[first] != nil else { return (whole, []) }
        var result = whole
        let unknown = Set(whole.unknown)
        let filled = Set(whole.series.lazy.filter { $0.count > 0 }.map(\.symbol))
        // Nothing at all counts as an answer only of who is asked in his turn: others may hide that they know nothing.
        let won = Set(
            whole.answered.filter { symbol in
                let isItsTurn = index == first || races[first]!.lost[symbol] != nil
                return races[first]!.open.contains(symbol) && !unknown.contains(symbol)
                    && (isItsTurn || filled.contains(symbol))
            })
        races[first]!.open.subtract(won)
        for symbol in won { races[first]!.lost[symbol] = nil }
        result.answered.removeAll { !won.contains($0) && !unknown.contains($0) }
        result.series.removeAll { !won.contains($0.symbol) }

        var held: Set<String> = []
        if index == first {
            for (symbol, words) in whole.left.map({ ($0.symbol, $0.words) })
                + whole.unknown.map({ ($0, "unknown symbol") })
            where holds(symbol, first, words, after: tasks[index].source) { held.insert(symbol) }
            if let rest = whole.rest { result.rest = self.rest(rest, of: first) }
        } else {
            for symbol in tasks[index].item.want.symbols where !won.contains(symbol) {
                guard let lost = races[first]!.lost.removeValue(forKey: symbol) else {
                    held.insert(symbol)
                    continue
                }
                // Its turn is over too: whoever comes next is asked, or who was only waiting for its quota.
                let isBrokenOff = whole.rest?.calls.contains { $0.want.symbols.contains(symbol) } ?? false
                if lost.after < tasks[first].source || isBrokenOff {
                    held.insert(symbol)
                    returnToQueue(symbol, of: first, lost)
                }
            }
            result.rest = nil
        }
        stopBeaten(first, &step)
        return (result, held)
    }

    /// The task failed without a result; see `settle`.
    mutating func lose(_ index: Int, _ symbols: [String], _ words: String) -> Set<String> {
        let first = tasks[index].hedges ?? index
        guard races[first] != nil else { return [] }
        var held: Set<String> = []
        for symbol in symbols {
            if index == first {
                if holds(symbol, first, words, after: tasks[index].source) { held.insert(symbol) }
            } else if let lost = races[first]!.lost.removeValue(forKey: symbol) {
                if lost.after < tasks[first].source {
                    held.insert(symbol)
                    returnToQueue(symbol, of: first, lost)
                }
            } else {
                held.insert(symbol)
            }
        }
        return held
    }

    private mutating func returnToQueue(_ symbol: String, of first: Int, _ lost: Race.Lost) {
        races[first]!.open.remove(symbol)
        var want = tasks[first].item.want
        want.symbols = [symbol]
        pass(want, after: lost.after, lost.words)
    }

    /// Whether a symbol that the first provider did not give has its answer, or a task beside it that may give it.
    private mutating func holds(_ symbol: String, _ first: Int, _ words: String, after: Int) -> Bool {
        guard races[first]!.open.contains(symbol) else { return true }
        let isAsked = races[first]!.beside.contains {
            !tasks[$0].isOver && tasks[$0].item.want.symbols.contains(symbol)
        }
        if isAsked { races[first]!.lost[symbol] = Race.Lost(words: words, after: after) }
        return isAsked
    }

    /// What is left of a batch that waits for its quota: without symbols that others have, or are asked for.
    private mutating func rest(_ whole: Ingest.Rest, of first: Int) -> Ingest.Rest? {
        var rest = whole
        var gone: Set<String> = []
        for symbol in Set(whole.calls.flatMap { $0.want.symbols }).sorted()
        where holds(symbol, first, "its quota is used up", after: tasks[first].source - 1) { gone.insert(symbol) }
        guard !gone.isEmpty else { return rest }
        for at in rest.calls.indices {
            let before = rest.calls[at].want.symbols.count
            rest.calls[at].want.symbols.removeAll { gone.contains($0) }
            // Where every symbol costs a unit, fewer cost less.
            if rest.calls[at].cost == before { rest.calls[at].cost = max(1, rest.calls[at].want.symbols.count) }
        }
        rest.calls.removeAll { $0.want.symbols.isEmpty }
        rest.series.removeAll { gone.contains($0.symbol) }
        rest.unknown.removeAll { gone.contains($0) }
        rest.lost.removeAll { gone.contains($0.symbol) }
        return rest.calls.isEmpty ? nil : rest
    }

    /// Tells those that nobody waits for any more, whatever they are doing.
    private func stopBeaten(_ first: Int, _ step: inout Step<Ingest.Task>) {
        for index in [first] + races[first]!.beside where !tasks[index].isOver && isBeaten(index) {
            guard tasks[index].number > 0 else { continue }
            let answer = Ingest.Answer(run: tasks[index].run, number: tasks[index].number, .leave(Self.beaten))
            step.answers.append(.task(UInt32(index), answer.wireBytes))
        }
    }
}
