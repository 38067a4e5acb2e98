import Jobs
import Market
import Messages
import Report
import TestSupport

/// A small weekend without any kernel or search: random bars, variations that buy a common core of tickers and others by
/// chance, and every group of a small pool scored by the outsider's slow code.
struct FakeWeekend {
    var input: ReportInput

    /// - Parameters: perAlgorithm: variations of each algorithm. pooled: of these in the pool.
    init(seed: UInt64, symbols count: Int = 160, perAlgorithm: Int = 8, pooled: Int = 2, keep: Int = 40) {
        var chance = SplitMix(seed: seed)
        let universe = Self.universe(count, &chance)
        let hits = universe.hits
        // Per day, tickers that many variations agree on, most of them hits.
        let cores = hits.map { day in
            (0..<count).filter { _ in Int.random(in: 0..<count, using: &chance) < 30 }.filter {
                day.contains($0) || Int.random(in: 0..<5, using: &chance) < 1
            }
        }
        let evaluations = Algorithm.allCases.map { algorithm in
            (0..<perAlgorithm).map { at in
                Self.evaluation(algorithm, universe, hits, cores, skill: Double(at) / Double(perAlgorithm), &chance)
            }
        }
        let pruned = evaluations.map { list in
            list.indices.sorted {
                (list[$0].metrics.stabilityScore, $1) > (list[$1].metrics.stabilityScore, $0)
            }.prefix(pooled).map { UInt32($0 + 1) }.sorted()
        }
        let pool = Algorithm.allCases.flatMap { algorithm in
            pruned[Int(algorithm.rawValue)].map { evaluations[Int(algorithm.rawValue)][Int($0) - 1] }
        }
        let answer = Weekend.Answer(
            evaluations: evaluations, pruned: pruned,
            rejections: [
                Weekend.Rejection(algorithm: .macd, reason: "stability score 0", count: 3),
                Weekend.Rejection(algorithm: .rsi, reason: "near clone of a better one", count: 5),
            ],
            pool: BlobID(hash: Array(0..<32))!,
            groups: Self.search(pool, universe, hits: hits, keep: keep))
        input = ReportInput(
            universe: universe, answer: answer,
            run: RunInfo(
                command: "apex weekend --bars \"a & b.csv.gz\" --seed 7", source: "a & b.csv.gz", seed: 7, cycles: 200,
                budgetSeconds: 60, barsHash: BlobID(hash: Array(1...32))!, codeVersion: "1.0.0",
                startedMilliseconds: 1_769_846_400_000, endedMilliseconds: 1_769_846_441_250, slots: 2,
                more: ["hardware": "2 cores <AVX2>"]),
            ledger: (0...10).map {
                LedgerEntry(
                    atMilliseconds: $0 * 1000, grantedMilliseconds: min(20_000, $0 * 2200),
                    spentMilliseconds: $0 * 1950, donatedMilliseconds: $0 * $0 * 20)
            },
            bars: BarCounts(
                rows: 100_000,
                rejectedRows: [
                    RowRejection(reason: .highLowCrossed, count: 17, firstLine: 4711),
                    RowRejection(reason: .conflicting, count: 4, firstLine: 99),
                ], symbols: 4000, eligibleSymbols: 1700,
                rejectedSymbols: UniverseSelection.Rule.allCases.map {
                    UniverseSelection.Rejection(rule: $0, count: 10 + $0.rawValue)
                }))
    }

    private static func universe(_ count: Int, _ chance: inout SplitMix) -> Universe {
        let letters: [Character] = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        let symbols = (0..<count).map { (at: Int) -> String in
            let spelled: [Character] = [letters[at / 676], letters[at / 26 % 26], letters[at % 26]]
            return String(spelled)
        }
        let start = MarketDate.dayNumber(20_260_202)
        let dates = (0..<49).filter { $0 % 7 < 5 }.map { MarketDate.date(dayNumber: start + $0) }
        var fields = [[Double]](repeating: [], count: 5)
        for _ in 0..<Universe.days * count {
            let open = Double(Int.random(in: 1100...8000, using: &chance)) / 100
            let close = open * Double.random(in: 0.95...1.05, using: &chance)
            for (at, value) in [open, max(open, close) + 0.1, min(open, close) - 0.1, close, 300_000].enumerated() {
                fields[at].append(value)
            }
        }
        return Universe(
            symbols: symbols, dates: dates, open: fields[0], high: fields[1], low: fields[2], close: fields[3],
            volume: fields[4])
    }

    private static func evaluation(
        _ algorithm: Algorithm, _ universe: Universe, _ hits: [TickerSet], _ cores: [[Int]], skill: Double,
        _ chance: inout SplitMix
    ) -> VariationEvaluation {
        var variation: Variation
        repeat {
            variation = Variation(
                algorithm,
                algorithm.parameters.map { UInt8(Int.random(in: 0..<$0.optionCount, using: &chance)) })
        } while !variation.isFeasible
        let buys = cores.map { core in
            var set = TickerSet(capacity: universe.symbols.count)
            for ticker in core where Double.random(in: 0..<1, using: &chance) < 0.8 + 0.18 * skill {
                set.insert(ticker)
            }
            for ticker in universe.symbols.indices where Double.random(in: 0..<1, using: &chance) < 0.2 - 0.1 * skill {
                set.insert(ticker)
            }
            return set
        }
        return VariationEvaluation(
            variation: variation, buys: buys,
            metrics: metrics(buys: buys, hits: hits, universe))
    }

    static func names(_ set: TickerSet, _ universe: Universe) -> Set<String> {
        Set(set.tickers.map { universe.symbols[$0] })
    }

    private static func metrics(buys: [TickerSet], hits: [TickerSet], _ universe: Universe) -> VariationMetrics {
        let slow = Outsider.variation(
            buys: buys.map { names($0, universe) }, hits: hits.map { names($0, universe) })
        var metrics = VariationMetrics()
        metrics.buys = buys.map { UInt32($0.count) }
        metrics.hits = zip(buys, hits).map { UInt32($0.intersection($1).count) }
        metrics.pooledBuys = UInt32(slow["pooled_buys"]!)
        metrics.pooledHits = UInt32(slow["pooled_hits"]!)
        metrics.minDailyHits = UInt32(slow["min_daily_hits"]!)
        let numbers: [(String, WritableKeyPath<VariationMetrics, Double>)] = [
            ("pooled_pp", \.pooledPP), ("median_pp", \.medianPP), ("mad", \.mad), ("iqr", \.iqr), ("range", \.range),
            ("buycount_median", \.buycountMedian), ("buycount_cv", \.buycountCV), ("wilson_lb", \.wilsonLB),
            ("ew_pp", \.ewPP), ("repeat_rate", \.repeatRate), ("top10_share", \.top10Share),
            ("stability_score", \.stabilityScore),
        ]
        for (name, path) in numbers { metrics[keyPath: path] = slow[name]! }
        return metrics
    }

    /// Every group of three and four, one by one.
    private static func search(
        _ pool: [VariationEvaluation], _ universe: Universe, hits: [TickerSet], keep: Int
    ) -> GroupsAnswer {
        let hitNames = hits.map { names($0, universe) }
        let buyNames = pool.map { $0.buys.map { names($0, universe) } }
        var accounting = GroupAccounting()
        var found: [[(candidate: GroupCandidate, stability: Double)]] = [[], []]
        func visit(_ members: [Int], _ consensus: [Set<String>]) {
            if !members.isEmpty { accounting.visited += 1 }
            if members.count >= 3,
                let metrics = Outsider.group(consensus: consensus, hits: hitNames, universe: universe.symbols.count)
            {
                accounting.retained += 1
                let candidate = GroupCandidate(
                    members: members.map { UInt16($0) }, score: metrics["score"]!,
                    buys: consensus.map { UInt16($0.count) },
                    hits: (0..<5).map { UInt16(consensus[$0].intersection(hitNames[$0]).count) })
                found[members.count - 3].append((candidate, metrics["stability"]!))
            }
            guard members.count < 4 else { return }
            for next in (members.last ?? -1) + 1..<pool.count
            where members.last.map({ pool[$0].variation.algorithm < pool[next].variation.algorithm }) ?? true {
                visit(
                    members + [next],
                    members.isEmpty ? buyNames[next] : (0..<5).map { consensus[$0].intersection(buyNames[next][$0]) })
            }
        }
        visit([], [])
        let top = found.map { list in
            Array(list.sorted { GroupCandidate.ranksBefore($0.candidate, $1.candidate) }.prefix(keep))
        }
        let chosen = top.map { list in
            Outsider.choose(scores: list.map(\.candidate.score), stabilities: list.map(\.stability)).map { UInt32($0) }
        }
        return GroupsAnswer(
            sizes: [3, 4], top: top.map { $0.map(\.candidate) }, chosen: chosen, accounting: accounting,
            space: accounting.visited, proved: true, bound: -.infinity, rest: [])
    }
}

extension FakeWeekend {
    /// For tests that only need something that can be reported.
    static let smallest = FakeWeekend(seed: 1, symbols: 40, perAlgorithm: 1, pooled: 1, keep: 5)
}
