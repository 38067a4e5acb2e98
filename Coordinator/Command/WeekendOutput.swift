import Blobs
import Foundation
import Jobs
import Market
import Messages
import Report

/// Writes what a weekend leaves behind, and says it on the screen.
struct WeekendOutput {
    let folder: RunFolder
    let manifest: RunFolder.Manifest
    let status: JobStatus
    let ledger: [Messages.LedgerEntry]
    let answer: Weekend.Answer
    let universe: Universe
    let slots: Int

    func write() throws {
        let input = ReportInput(
            universe: universe, answer: answer, run: info, ledger: cumulative, bars: counts)
        try RunFiles.write(input, folder: folder.path)
    }

    private var info: RunInfo {
        let identity = manifest.identity
        let started = ISO8601DateFormatter().date(from: manifest.started) ?? Date()
        var more = ["week_ending": identity.weekEnding, "universe_hash": manifest.universe]
        if let budget = status.budget {
            more["budget_total_ms"] = "\(budget.total)"
            more["budget_granted_ms"] = "\(budget.granted)"
            more["budget_spent_ms"] = "\(budget.spent)"
            more["budget_pool_ms"] = "\(budget.pool)"
            more["budget_donated_ms"] = "\(budget.donated)"
        }
        return RunInfo(
            command: manifest.command, source: manifest.notes.isDemo ? "demo market" : manifest.notes.bars,
            seed: identity.seed, cycles: identity.cycles, budgetSeconds: Double(manifest.budgetMilliseconds) / 1000,
            barsHash: BlobID(identity.barsHash)!, codeVersion: codeVersion,
            startedMilliseconds: Int64(started.timeIntervalSince1970 * 1000),
            endedMilliseconds: Int64(status.ended), slots: slots, more: more)
    }

    /// Sums since the start, one point for each slice settled.
    private var cumulative: [Report.LedgerEntry] {
        var granted: Int64 = 0
        var spent: Int64 = 0
        var donated: Int64 = 0
        return ledger.map { entry in
            granted += Int64(entry.granted)
            spent += Int64(entry.spent)
            donated += Int64(entry.donated)
            return Report.LedgerEntry(
                atMilliseconds: Int64(entry.at), grantedMilliseconds: granted, spentMilliseconds: spent,
                donatedMilliseconds: donated)
        }
    }

    private var counts: BarCounts {
        let notes = manifest.notes
        return BarCounts(
            rows: notes.rows,
            rejectedRows: notes.rejectedRows.compactMap { row in
                RowRejectionReason.allCases.first { $0.words == row.reason }
                    .map { RowRejection(reason: $0, count: row.count, firstLine: row.firstLine) }
            },
            symbols: notes.symbols, eligibleSymbols: notes.eligible,
            rejectedSymbols: notes.rejectedSymbols.compactMap { symbol in
                UniverseSelection.Rule.allCases.first { $0.words(days: universe.dates.count) == symbol.reason }
                    .map { UniverseSelection.Rejection(rule: $0, count: symbol.count) }
            })
    }

    // MARK: - On the screen

    func announce(json: Bool, _ clock: StageClock) { print(json ? jsonText(clock) : text(clock)) }

    private func text(_ clock: StageClock) -> String {
        let groups = answer.groups
        var lines: [String] = []
        let space = Double(groups.space)
        if groups.proved {
            lines.append(
                "Proved: no better group exists. \(count(groups.space)) nodes, \(count(groups.accounting.visited)) visited."
            )
        } else if answer.stoppedIn == "variations" {
            let tested = answer.evaluations.reduce(0) { $0 + $1.count }
            lines.append(
                "The budget ended before the proof: \(count(UInt64(tested))) variations are tested, and no group is "
                    + "searched yet.")
            lines.append("Go on with:  apex resume \(folder.path) --budget TIME")
        } else {
            let share = space > 0 ? 100 * Double(groups.accounting.total) / space : 0
            let bound = groups.bound.isFinite ? "; nothing unexplored scores above \(fixed(groups.bound, 2))" : ""
            lines.append(
                "The budget ended before the proof: \(fixed(share, 2)) % of \(count(groups.space)) nodes are proved\(bound)."
            )
            lines.append("Go on with:  apex resume \(folder.path) --budget TIME")
        }
        for (at, size) in groups.sizes.enumerated() {
            guard let best = groups.top[at].first, let chosen = groups.chosen[at] else {
                if answer.stoppedIn != "variations" {
                    lines.append("  size \(size): no group \(groups.proved ? "passes the rules" : "found yet")")
                }
                continue
            }
            let group = groups.top[at][Int(chosen)]
            lines.append(
                "  size \(size): chosen \(fixed(group.score, 3)) \(names(group)); best \(fixed(best.score, 3)) \(names(best))"
            )
        }
        let seconds = clock.stages.reduce(0) { $0 + $1.seconds }
        let stages = clock.stages.map { "\($0.name) \(fixed($0.seconds, 1))" }.joined(separator: ", ")
        lines.append(
            "\(fixed(seconds, 1)) s on \(slots) \(slots == 1 ? "worker" : "workers") (\(stages)). Look at:  \(folder.reportHTML)"
        )
        return lines.joined(separator: "\n")
    }

    private func jsonText(_ clock: StageClock) -> String {
        let groups = answer.groups
        var perSize: [[String: Any]] = []
        for (at, size) in groups.sizes.enumerated() {
            var entry: [String: Any] = ["size": Int(size), "candidates": groups.top[at].count]
            if let best = groups.top[at].first { entry["best"] = object(best) }
            if let chosen = groups.chosen[at] { entry["chosen"] = object(groups.top[at][Int(chosen)]) }
            perSize.append(entry)
        }
        var object: [String: Any] = [
            "out": folder.path, "job": Int(status.id.number), "state": status.state.name, "proved": groups.proved,
            "seconds": clock.stages.reduce(0) { $0 + $1.seconds }, "workers": slots,
            "stages": clock.stages.map { ["name": $0.name, "seconds": $0.seconds] as [String: Any] },
            "nodes": [
                "space": groups.space, "visited": groups.accounting.visited, "cut_by_rail": groups.accounting.cutByRail,
                "cut_by_bound": groups.accounting.cutByBound, "retained": groups.accounting.retained,
            ] as [String: Any], "groups": perSize,
        ]
        if !groups.proved, groups.bound.isFinite { object["bound"] = groups.bound }
        if let stage = answer.stoppedIn { object["stopped_in"] = stage }
        if let budget = status.budget {
            object["budget"] =
                [
                    "total_ms": budget.total, "granted_ms": budget.granted, "spent_ms": budget.spent,
                    "pool_ms": budget.pool, "donated_ms": budget.donated, "wall_ms": budget.wallMilliseconds,
                    "elapsed_ms": budget.elapsedMilliseconds,
                ] as [String: Any]
        }
        let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }

    private func object(_ group: GroupCandidate) -> [String: Any] {
        [
            "score": group.score, "members": members(group), "buys": group.buys.map(Int.init),
            "hits": group.hits.map(Int.init),
        ]
    }
    private func members(_ group: GroupCandidate) -> [String] {
        group.members.map { Int($0) < poolNames.count ? poolNames[Int($0)] : "\($0)" }
    }
    private func names(_ group: GroupCandidate) -> String { members(group).joined(separator: " + ") }

    /// Identifiers by pool index: the pruned variations in algorithm order.
    private var poolNames: [String] {
        zip(Algorithm.allCases, answer.pruned).flatMap { algorithm, numbers in
            numbers.map { "\(algorithm.name).\($0)" }
        }
    }
    private func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    /// 1,234,567
    private func count(_ number: UInt64) -> String {
        var text = ""
        for (at, digit) in String(number).reversed().enumerated() {
            if at > 0, at % 3 == 0 { text = "," + text }
            text = String(digit) + text
        }
        return text
    }
}
