import Jobs
import Market

/// The pairs of run_info, and the small lists in it.
extension RunView {
    /// Sorted by key.
    var runInfo: [(key: String, value: String)] {
        let (run, groups) = (input.run, input.answer.groups)
        var pairs = run.more
        func set(_ key: String, _ value: some CustomStringConvertible) { pairs[key] = value.description }
        set("week_ending", MarketDate.text(input.universe.dates.last!))
        set("command", run.command)
        set("source", run.source)
        set("seed", run.seed)
        set("cycles", run.cycles)
        set("budget_seconds", run.budgetSeconds)
        set("bars_hash", run.barsHash)
        set("pool_hash", input.answer.pool)
        set("code_version", run.codeVersion)
        set("started", UTC.text(run.startedMilliseconds))
        set("ended", UTC.text(run.endedMilliseconds))
        set("elapsed_seconds", run.elapsedSeconds)
        set("slots", run.slots)
        set("universe", input.universe.symbols.count)
        set("window", input.universe.windowBars)
        set("variations_tested", evaluations.reduce(0) { $0 + $1.count })
        set("pool_size", pool.count)
        set("proved", groups.proved)
        if let stage = input.answer.stoppedIn { set("stopped_in", stage) }
        set("nodes_visited", groups.accounting.visited)
        set("nodes_cut", groups.accounting.cutByRail + groups.accounting.cutByBound)
        set("nodes_cut_by_rail", groups.accounting.cutByRail)
        set("nodes_cut_by_bound", groups.accounting.cutByBound)
        set("nodes_space", groups.space)
        set("share_settled", shareSettled)
        set("groups_retained", groups.accounting.retained)
        if groups.bound.isFinite { set("bound_on_the_rest", groups.bound) }
        set("pieces_left", groups.rest.count)
        set("budget_ledger", ledgerJSON.text)
        set("rejected_rows", rejectedRowsJSON.text)
        set("rejected_symbols", rejectedSymbolsJSON.text)
        set("rejected_variations", rejectedVariationsJSON.text)
        return pairs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Part of the search space that was visited or cut, 0…1.
    var shareSettled: Double {
        let groups = input.answer.groups
        guard groups.space > 0 else { return groups.proved ? 1 : 0 }
        let settled = groups.accounting.visited + groups.accounting.cutByRail + groups.accounting.cutByBound
        return min(Double(settled) / Double(groups.space), 1)
    }

    var ledgerJSON: JSONWriter {
        var json = JSONWriter()
        json.array { json in
            for entry in input.ledger {
                json.object { json in
                    json.key("at_ms")
                    json.integer(entry.atMilliseconds)
                    json.key("granted_ms")
                    json.integer(entry.grantedMilliseconds)
                    json.key("spent_ms")
                    json.integer(entry.spentMilliseconds)
                    json.key("donated_ms")
                    json.integer(entry.donatedMilliseconds)
                }
            }
        }
        return json
    }

    var rejectedRowsJSON: JSONWriter {
        var json = JSONWriter()
        json.array { json in
            for rejection in input.bars.rejectedRows {
                json.object { json in
                    json.key("reason")
                    json.string(rejection.reason.words)
                    json.key("count")
                    json.integer(rejection.count)
                    json.key("first_line")
                    json.integer(rejection.firstLine)
                }
            }
        }
        return json
    }

    var rejectedSymbolsJSON: JSONWriter {
        var json = JSONWriter()
        json.array { json in
            for rejection in input.bars.rejectedSymbols {
                json.object { json in
                    json.key("reason")
                    json.string(rejection.rule.words(days: input.universe.dates.count))
                    json.key("count")
                    json.integer(rejection.count)
                }
            }
        }
        return json
    }

    var rejectedVariationsJSON: JSONWriter {
        var json = JSONWriter()
        json.array { json in
            for rejection in input.answer.rejections {
                json.object { json in
                    json.key("algorithm")
                    json.string(rejection.algorithm.name)
                    json.key("reason")
                    json.string(rejection.reason)
                    json.key("count")
                    json.integer(rejection.count)
                }
            }
        }
        return json
    }
}

/// Moments as text.
enum UTC {
    /// `2026-01-31T08:15:30.250Z`
    static func text(_ milliseconds: Int64) -> String {
        let day = milliseconds >= 0 ? milliseconds / 86_400_000 : (milliseconds - 86_399_999) / 86_400_000
        let rest = milliseconds - day * 86_400_000
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let time = "\(padded(rest / 3_600_000, 2)):\(padded(rest / 60_000 % 60, 2)):\(padded(rest / 1000 % 60, 2))"
        return "\(MarketDate.text(MarketDate.date(dayNumber: Int(day))))T\(time).\(padded(rest % 1000, 3))Z"
    }
}
