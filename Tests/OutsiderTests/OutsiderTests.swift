import Foundation
import TestSupport
import Testing

/// Natural logarithm; a function of its own so that the formulas stay free of module names.
func logarithm(_ x: Double) -> Double { log(x) }

/// An outsider computes a weekend again from run.sqlite alone, with slow and obvious code, and gets the same.
@Suite(.serialized)
struct OutsiderTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fixtures/us-daily-cut.csv.gz").standardizedFileURL.path
    private let folder = TemporaryFolder("outsider")
    private let run: RunFile

    init() throws {
        let out = folder.path + "/w"
        let outcome = try Programs.run(
            "apex",
            [
                "weekend", "--bars", Self.fixture, "--universe", "44", "--cycles", "12", "--seed", "3", "--out", out,
                "--workers", "2", "--json",
            ])
        try #require(outcome.code == 0, "\(outcome.errors)")
        run = try RunFile(out + "/run.sqlite")
    }

    private var hits: [Set<String>] { run.windows.map { day in Set(day.filter { $0.value.isHit }.keys) } }

    @Test func `every buy, every metric and every group follow from the bars`() throws {
        #expect(run.symbols.count == 44 && run.symbols == run.symbols.sorted())
        #expect(run.windows.allSatisfy { $0.count == 44 && $0.values.allSatisfy { $0.close.count == 31 } })
        checkVariations()
        checkPruned()
        checkGroups()
    }

    private func checkVariations() {
        var ties = 0
        var decided = 0
        for algorithm in RunFile.algorithms {
            let variations = run.variations[algorithm] ?? []
            #expect(variations.count == 96, "\(algorithm)")
            for (at, variation) in variations.enumerated() {
                #expect(variation.identifier == "\(algorithm).\(at + 1)")
                for day in 0..<5 {
                    let bought = Set(variation.buys[day])
                    #expect(variation.buys[day] == bought.sorted())
                    for symbol in run.symbols {
                        let buys = SlowTrigger(algorithm, variation, run.windows[day][symbol]!).buys
                        if buys == nil { ties += 1 } else { decided += 1 }
                        #expect(
                            buys == nil || buys == bought.contains(symbol),
                            "\(variation.identifier) \(symbol) day \(day + 1): \(variation.parameters)")
                    }
                }
                let expected = SlowMetrics.variation(buys: variation.buys, hits: hits)
                for (name, value) in expected {
                    #expect(agree(variation.metrics[name] ?? .nan, value), "\(variation.identifier) \(name)")
                }
            }
        }
        // Exact ties of prices in cents are few; were they many, this test would not be testing.
        #expect(ties * 200 < decided, "\(ties) ties, \(decided) decided")
    }

    private func checkPruned() {
        for algorithm in RunFile.algorithms {
            let all = Dictionary(uniqueKeysWithValues: (run.variations[algorithm] ?? []).map { ($0.identifier, $0) })
            let kept = (run.pruned[algorithm] ?? []).compactMap { all[$0] }
            #expect(kept.count == run.pruned[algorithm]?.count ?? 0)
            #expect(kept.count <= (["macd", "ema", "breakout"].contains(algorithm) ? 250 : 100))
            for variation in kept {
                let metrics = variation.metrics
                #expect(metrics["stability_score"]! > 0 && metrics["median_pp"]! > 0)
                #expect(!(metrics["mad"]! > 25 && metrics["range"]! > 80))
            }
            #expect(Set(kept.map(\.buys)).count == kept.count, "\(algorithm) keeps two with the same buys")
        }
    }

    /// Up to 64 tickers are a word, so a day's consensus is one AND: the whole space is tried without any cut.
    private func checkGroups() {
        let place = Dictionary(uniqueKeysWithValues: run.symbols.enumerated().map { ($1, $0) })
        func mask(_ tickers: some Sequence<String>) -> UInt64 { tickers.reduce(0) { $0 | 1 << UInt64(place[$1]!) } }
        let hit = hits.map(mask)
        let bases = hits.map { 100 * Double($0.count) / Double(run.symbols.count) }
        var pool: [(name: String, algorithm: Int, buys: [UInt64])] = []
        for (at, algorithm) in RunFile.algorithms.enumerated() {
            let kept = Set(run.pruned[algorithm] ?? [])
            for variation in run.variations[algorithm] ?? [] where kept.contains(variation.identifier) {
                pool.append((variation.identifier, at, variation.buys.map(mask)))
            }
        }
        var found: [Int: [(members: [Int], score: Double, pp: [Double])]] = [:]
        var nodes = 0
        func visit(_ members: [Int], _ consensus: [UInt64]) {
            nodes += members.isEmpty ? 0 : 1
            if members.count >= 3 {
                let buys = consensus.map(\.nonzeroBitCount)
                let right = zip(consensus, hit).map { ($0 & $1).nonzeroBitCount }
                let union = consensus.reduce(0, |).nonzeroBitCount
                if let score = SlowMetrics.group(buys: buys, hits: right, distinct: union, bases: bases) {
                    let pp = zip(right, buys).map { 100 * Double($0) / Double($1) }
                    found[members.count, default: []].append((members, score, pp))
                }
            }
            guard members.count < 4 else { return }
            for next in ((members.last ?? -1) + 1)..<max(pool.count, (members.last ?? -1) + 1)
            where members.last.map({ pool[next].algorithm > pool[$0].algorithm }) ?? true {
                visit(members + [next], zip(consensus, pool[next].buys).map { $0 & $1 })
            }
        }
        visit([], [UInt64](repeating: .max, count: 5))
        #expect(run.info["proved"] == "true")
        #expect(run.info["nodes_space"] == "\(nodes)")
        #expect(UInt64(run.info["nodes_visited"]!)! + UInt64(run.info["nodes_cut"]!)! == UInt64(nodes))
        for size in [3, 4] {
            let best = (found[size] ?? []).sorted {
                $0.score != $1.score ? $0.score > $1.score : $0.members.lexicographicallyPrecedes($1.members)
            }.prefix(1000)
            let stored = run.candidates.filter { $0.size == size }
            #expect(stored.count == best.count)
            for (group, expected) in zip(stored, best) {
                // Scores that differ in the last digits only may stand in either order.
                #expect(agree(group.numbers["score"]!, expected.score), "\(group.identifier)")
            }
            let known = Set(best.map { $0.members.map { pool[$0].name } })
            let missing = stored.filter {
                !known.contains($0.members) && !agree($0.numbers["score"]!, best.last!.score)
            }
            #expect(missing.isEmpty, "\(missing.map(\.members))")
            for group in stored {
                let consensus = (0..<5).map { day in
                    group.members.map { name in pool.first { $0.name == name }!.buys[day] }.reduce(.max, &)
                }
                #expect(group.dayBuys.map(mask) == consensus, "\(group.identifier)")
            }
            let chosen = SlowMetrics.chosen(stored.map { ($0.numbers["score"]!, $0.dayPP) })
            let final = run.finals.filter { $0.size == size }
            #expect(chosen.map { stored[$0].members } == final.first { $0.isChosen }?.members)
            #expect(final.contains { $0.members == stored.first?.members })
        }
    }

    private func agree(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1) }
}
