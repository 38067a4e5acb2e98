import Jobs
import Market

/// report.json: the same as report.html, for programs.
package enum ReportJSON {
    package static func write(_ input: ReportInput, to path: String) throws(ReportError) {
        try FinishedFile.write(bytes(try RunView(input)), to: path)
    }

    static func bytes(_ view: RunView) -> [UInt8] {
        let (run, answer) = (view.input.run, view.input.answer.groups)
        let quoted = QuotedTickers(view.input.universe)
        var json = JSONWriter()
        json.object { json in
            json.key("week_ending")
            json.string(MarketDate.text(view.input.universe.dates.last!))
            json.key("proved")
            json.bool(answer.proved)
            if let stage = view.input.answer.stoppedIn {
                json.key("stopped_in")
                json.string(stage)
            }
            json.key("share_settled")
            json.double(view.shareSettled)
            json.key("bound_on_the_rest")
            json.double(answer.bound)
            json.key("elapsed_seconds")
            json.double(run.elapsedSeconds)
            json.key("sizes")
            json.array { json in
                for at in answer.sizes.indices {
                    json.object { json in
                        json.key("size")
                        json.integer(answer.sizes[at])
                        json.key("candidates")
                        json.integer(view.groups[at].count)
                        json.key("chosen")
                        write(view.groups[at].first(where: \.isChosen), view, quoted, to: &json)
                        json.key("best")
                        write(view.groups[at].first, view, quoted, to: &json)
                    }
                }
            }
            json.key("algorithms")
            json.array { json in
                for algorithm in Algorithm.allCases {
                    let evaluations = view.evaluations[Int(algorithm.rawValue)]
                    json.object { json in
                        json.key("name")
                        json.string(algorithm.name)
                        json.key("tested")
                        json.integer(evaluations.count)
                        json.key("kept")
                        json.integer(view.pruned[Int(algorithm.rawValue)].count)
                        json.key("best_stability_score")
                        json.double(evaluations.map(\.metrics.stabilityScore).max() ?? 0)
                    }
                }
            }
            json.key("rows")
            json.integer(view.input.bars.rows)
            json.key("rejected_rows")
            json.raw(view.rejectedRowsJSON.text)
            json.key("symbols")
            json.integer(view.input.bars.symbols)
            json.key("eligible_symbols")
            json.integer(view.input.bars.eligibleSymbols)
            json.key("rejected_symbols")
            json.raw(view.rejectedSymbolsJSON.text)
            json.key("rejected_variations")
            json.raw(view.rejectedVariationsJSON.text)
            json.key("budget_ledger")
            json.raw(view.ledgerJSON.text)
            json.key("run_info")
            json.object { json in
                // The long lists stand above already.
                for (key, value) in view.runInfo where !key.hasPrefix("rejected_") && key != "budget_ledger" {
                    json.key(key)
                    json.string(value)
                }
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private static func write(
        _ group: RunView.Group?, _ view: RunView, _ quoted: QuotedTickers, to json: inout JSONWriter
    ) {
        guard let group else { return json.null() }
        json.object { json in
            json.key("identifier")
            json.string(group.identifier)
            json.key("score")
            json.double(group.score)
            json.key("pooled_pp")
            json.double(group.metrics.pooledPP)
            json.key("wilson_lb")
            json.double(group.metrics.wilsonLB)
            json.key("stability")
            json.double(group.metrics.stability)
            json.key("members")
            json.array { json in
                for member in group.members {
                    let variation = view.evaluation(member).variation
                    json.object { json in
                        json.key("identifier")
                        json.string(member.identifier)
                        json.key("words")
                        json.string(variation.words)
                        json.key("params")
                        json.parameters(variation)
                    }
                }
            }
            json.key("days")
            json.array { json in
                for day in 0..<Universe.windows {
                    json.object { json in
                        json.key("date")
                        json.string(
                            MarketDate.text(view.input.universe.dates[view.input.universe.windowBars - 1 + day]))
                        json.key("buys")
                        json.integer(group.metrics.buys[day])
                        json.key("hits")
                        json.integer(group.metrics.hits[day])
                        json.key("pp")
                        json.double(group.metrics.pp[day])
                        json.key("tickers")
                        json.tickers(group.consensus[day], quoted: quoted)
                        json.key("hit_tickers")
                        json.tickers(group.consensus[day].intersection(view.hits[day]), quoted: quoted)
                    }
                }
            }
        }
    }
}
