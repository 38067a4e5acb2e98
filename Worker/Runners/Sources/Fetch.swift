import Jobs
import Market
import Messages
import Providers

/// One batch on its way from one provider: asks for a lease, makes the call, reads the answer, tries again, page by page.
/// Pure: whoever drives it brings time, messages and answers, and does what it says. Times are milliseconds of any one
/// clock that does not jump.
package struct Fetch {
    package enum Action: Equatable {
        /// To the planner; it may get lost, and is said again.
        case say([UInt8])
        /// Make this call now, and give it up after so many milliseconds.
        case call(HTTPRequest, milliseconds: UInt64)
        /// Nothing to do before this moment, unless the planner says something.
        case rest(until: UInt64)
        case end(Ingest.Result)
    }

    /// Tries of one call that fails, and times that it may be sent away for being too many.
    private static let mostTries = 6, mostRefusals = 30
    /// Of the pauses between tries, which are drawn between nothing and a limit that doubles.
    private static let pause: (first: UInt64, most: UInt64) = (500, 60_000)
    /// A message may have got lost: it is said again.
    private static let patience: UInt64 = 3000
    /// For what a batch may need in calls: a provider that pages for ever is left.
    private static let mostCalls = 2000

    private enum State: Equatable {
        case ready
        case asking(since: UInt64, saidAt: UInt64)
        case resting(until: UInt64)
        case leased
        case calling(since: UInt64)
        case over
    }
    private struct Pending {
        var call: ProviderCall
        var tries = 0, refusals = 0
    }

    private let task: Ingest.Task
    private let provider: any Provider
    private let run: UInt64
    private var chance: SplitMix64
    private var state = State.ready
    private var pending: [Pending]
    private var number: UInt32 = 0
    private var news: Ingest.News?
    private var date: UInt64?
    private var series: [String: BarSeries] = [:]  // looked up only; the task's symbols have the order
    private var lost: [String: String] = [:]  // likewise
    private var unknown: Set<String> = []  // likewise
    private var calls: [Ingest.Call] = []
    private var isBrokenOff = false

    /// - Parameter run: another for every run of a task, lest two workers be taken for one.
    package init(_ task: Ingest.Task, run: UInt64) throws(JobError) {
        guard let provider = ProviderList.provider(named: task.provider) else {
            throw JobError("this worker knows no provider \(task.provider); update it.")
        }
        self.task = task
        self.provider = provider
        self.run = run
        chance = SplitMix64(seed: task.seed ^ run)
        guard let rest = task.rest else {
            pending = provider.calls(for: task.want).reversed().map { Pending(call: $0) }
            return
        }
        pending = rest.calls.map { Pending(call: $0, refusals: Int(rest.refusals)) }
        for part in rest.series { series[part.symbol] = part }
        unknown = Set(rest.unknown)
        for left in rest.lost { lost[left.symbol] = left.words }
    }

    /// What to do now.
    /// - Parameter heard: what the planner said since the last time.
    package mutating func step(at now: UInt64, heard: [[UInt8]] = []) -> Action {
        for bytes in heard { if let answer = try? Ingest.Answer(wireBytes: bytes) { hear(answer, at: now) } }
        switch state {
        case .ready: return ask(at: now)
        case .asking(let since, let saidAt):
            if now >= saidAt + Self.patience {
                state = .asking(since: since, saidAt: now)
                return .say(question.wireBytes)
            }
            return .rest(until: saidAt + Self.patience)
        case .resting(let end): return now < end ? .rest(until: end) : ask(at: now)
        case .leased:
            guard let next = pending.last else { return finish() }
            // One lease, one call.
            state = .calling(since: now)
            return .call(provider.request(next.call), milliseconds: Ingest.callMilliseconds)
        case .calling(let since): return .rest(until: since + Ingest.callMilliseconds)
        case .over: return finish()
        }
    }

    private var question: Ingest.Ask {
        Ingest.Ask(
            run: run, number: number, units: pending.last.map { UInt32($0.call.cost) } ?? 0, news: news, date: date)
    }

    private mutating func ask(at now: UInt64) -> Action {
        number += 1
        guard !pending.isEmpty else {
            state = .over
            return finish()
        }
        state = .asking(since: now, saidAt: now)
        return .say(question.wireBytes)
    }

    private mutating func hear(_ answer: Ingest.Answer, at now: UInt64) {
        if case .leave(let words) = answer.decision, answer.run == run, answer.number == number, isUnderWay {
            return abandon(words, at: now)
        }
        guard case .asking(let since, _) = state, answer.run == run, answer.number == number else { return }
        news = nil
        switch answer.decision {
        case .lease(let valid):
            // By our own clock, from when we first asked: the lease was given later than that.
            guard now < since + UInt64(valid) else {
                news = .unused
                state = .ready
                return
            }
            state = .leased
        case .wait(let milliseconds): state = .resting(until: now + max(10, min(milliseconds, 86_400_000)))
        case .leave(let words): leave(words)
        case .breakOff:
            isBrokenOff = true
            state = .over
        }
    }

    /// Whether the planner said, among these, that the call under way is not needed any more.
    package func isLeft(by heard: [[UInt8]]) -> Bool {
        heard.contains { bytes in
            guard let answer = try? Ingest.Answer(wireBytes: bytes), answer.run == run, answer.number == number else {
                return false
            }
            if case .leave = answer.decision { return true }
            return false
        }
    }
    private var isUnderWay: Bool {
        switch state {
        case .leased, .calling: true
        case .ready, .asking, .resting, .over: false
        }
    }
    /// Another provider was faster: the call is not waited for. Whether it still arrives, nobody knows.
    private mutating func abandon(_ words: String, at now: UInt64) {
        news = .unused
        if case .calling(let since) = state, let made = pending.last {
            news = .abandoned
            calls.append(
                Ingest.Call(
                    target: provider.request(made.call).target, units: UInt32(made.call.cost), status: 0,
                    milliseconds: UInt32(clamping: now - min(since, now)), bars: 0, outcome: .abandoned,
                    refusal: "given up: \(words)"))
        }
        leave(words)
        // As after any call: news is of the question before.
        number += 1
        state = .over
    }

    private mutating func leave(_ words: String) {
        for waiting in pending { for symbol in waiting.call.want.symbols { lose(symbol, words) } }
        pending = []
        state = .ready
    }
    private mutating func lose(_ symbol: String, _ words: String) { lost[symbol] = lost[symbol] ?? words }

    // MARK: - Answers

    /// How the call ended that was last asked for.
    package mutating func received(_ outcome: Result<HTTPResponse, HTTPFailure>, at now: UInt64) {
        guard case .calling(let since) = state, let made = pending.popLast() else { return }
        state = .ready
        let milliseconds = UInt32(clamping: now - min(since, now))
        let reading: Reading
        var status = 0
        switch outcome {
        case .success(let response):
            status = response.status
            // A program on this machine has this machine's clock: it proves nothing of it.
            if !provider.traits.hosts.contains(where: { $0.contains("//localhost") }) { date = response.date ?? date }
            reading = provider.read(response, to: made.call)
        case .failure(let failure): reading = .refused(Self.refusal(failure))
        }
        var log = Ingest.Call(
            target: provider.request(made.call).target, units: UInt32(made.call.cost), status: UInt16(clamping: status),
            milliseconds: milliseconds, bars: 0, outcome: .answered, refusal: "")
        switch reading {
        case .page(let page):
            log.bars = UInt32(clamping: page.series.reduce(0) { $0 + $1.count })
            log.outcome = log.bars == 0 ? .empty : .answered
            news = .answered(milliseconds: milliseconds, isEmpty: log.bars == 0)
            take(page, made)
        case .refused(let refusal):
            log.refusal = refusal.words
            log.outcome =
                switch refusal {
                case .limited: .limited
                case .unavailable, .session: .failed
                case .key, .plan, .symbols, .request: .declined
                }
            refused(refusal, made, at: now)
        }
        calls.append(log)
        if calls.count >= Self.mostCalls { leave("more than \(Self.mostCalls) calls for one batch") }
    }

    private static func refusal(_ failure: HTTPFailure) -> Refusal {
        switch failure {
        case .untrusted: .key(failure.words)
        case .tooLarge: .request(failure.words)
        case .unreachable, .cut, .timeout, .abandoned: .unavailable(failure.words, retryAfter: nil)
        }
    }

    private mutating func take(_ page: Reading.Page, _ made: Pending) {
        for part in page.series where made.call.want.symbols.contains(part.symbol) {
            var whole = series[part.symbol] ?? BarSeries(symbol: part.symbol, timeframe: task.want.timeframe)
            for at in 0..<part.count { whole.append(part, at) }
            series[part.symbol] = whole
        }
        for symbol in page.unknown where made.call.want.symbols.contains(symbol) { unknown.insert(symbol) }
        for (symbol, refusal) in page.refused {
            guard refusal.isPassing, made.tries < Self.mostTries else {
                lose(symbol, refusal.words)
                continue
            }
            var again = made
            again.tries += 1
            again.call.want.symbols = [symbol]
            again.call.cost = 1
            pending.append(again)
        }
        pending += page.next.reversed().map { Pending(call: $0) }
    }

    private mutating func refused(_ refusal: Refusal, _ made: Pending, at now: UInt64) {
        var again = made
        switch refusal {
        case .limited(let window, let retryAfter):
            news = .limited(window, retryAfter: retryAfter)
            again.refusals += 1
            if again.refusals < Self.mostRefusals { return pending.append(again) }
        case .unavailable(_, let retryAfter):
            news = .failed(retryAfter: retryAfter)
            again.tries += 1
            if again.tries < Self.mostTries {
                pending.append(again)
                // Full jitter: all that failed together do not come back together.
                let limit = min(Self.pause.first << UInt64(again.tries), Self.pause.most)
                state = .resting(until: now + UInt64(chance.next(below: Int(limit))))
                return
            }
        case .symbols(let symbols):
            news = .declined
            unknown.formUnion(symbols)
            again.call.want.symbols.removeAll { symbols.contains($0) }
            again.call.cost = min(again.call.cost, max(again.call.want.symbols.count, 1))
            if !again.call.want.symbols.isEmpty, again.call.want.symbols.count < made.call.want.symbols.count {
                pending.append(again)
            }
            return
        case .key(let words):
            news = .keyRefused(words)
            leave(refusal.words)
        case .session:
            news = .failed(retryAfter: nil)
            leave(refusal.words)
        case .plan, .request: news = .declined
        }
        for symbol in made.call.want.symbols { lose(symbol, refusal.words) }
    }

    // MARK: - The end

    private func finish() -> Action {
        var result = Ingest.Result()
        // Symbols that a call is still to be made for are not answered.
        let open = isBrokenOff ? Set(pending.flatMap { $0.call.want.symbols }) : []
        for symbol in task.want.symbols where !open.contains(symbol) {
            if let words = lost[symbol] {
                result.left.append(Ingest.Left(symbol, words))
                continue
            }
            result.answered.append(symbol)
            if unknown.contains(symbol) { result.unknown.append(symbol) }
            if let whole = series[symbol], whole.count > 0 { result.series.append(whole.ascending()) }
        }
        result.calls = calls
        result.earlier = task.rest?.targets ?? []
        result.run = run
        result.number = number
        result.news = news
        result.date = date
        if !open.isEmpty {
            let symbols = task.want.symbols.filter { open.contains($0) }
            result.rest = Ingest.Rest(
                calls: pending.map { $0.call }, series: symbols.compactMap { series[$0] },
                unknown: symbols.filter { unknown.contains($0) },
                lost: symbols.compactMap { symbol in lost[symbol].map { Ingest.Left(symbol, $0) } },
                refusals: UInt32(clamping: pending.map(\.refusals).max() ?? 0),
                targets: (task.rest?.targets ?? []) + calls.map(\.target))
        }
        return .end(result)
    }
}

extension Refusal {
    /// Another try may be answered.
    fileprivate var isPassing: Bool {
        switch self {
        case .limited, .unavailable: true
        case .key, .plan, .symbols, .request, .session: false
        }
    }
}
