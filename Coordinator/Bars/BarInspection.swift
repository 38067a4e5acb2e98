import Market
import Store

/// The check of a store: every series judged, the verdicts stored in place of those of the check before.
extension BarStore {
    /// Judges every wanted series and stores what it finds; nothing else is changed.
    /// - Parameters: wanted: which series. now: milliseconds since 1970 UTC, stored with the verdicts.
    /// - Returns: the series that have verdicts, in the order of their keys, and how many were judged.
    package func check(
        limits: BarLimits = BarLimits(), at now: Int64, where wanted: (SeriesKey) -> Bool = { _ in true }
    ) throws(DatabaseError) -> (found: [(key: SeriesKey, verdicts: [BarVerdict])], series: Int, bars: Int) {
        var found: [(key: SeriesKey, verdicts: [BarVerdict])] = []
        var (count, bars) = (0, 0)
        for summary in try series() where wanted(summary.key) {
            let verdicts = try judge(summary, limits)
            try store(verdicts, of: summary.id, at: now)
            if !verdicts.isEmpty { found.append((summary.key, verdicts)) }
            count += 1
            bars += summary.bars
        }
        return (found, count, bars)
    }

    /// The verdicts of the newest check, in the order they were found.
    package func verdicts(_ key: SeriesKey) throws(DatabaseError) -> [BarVerdict] {
        guard let id = try id(of: key) else { return [] }
        let rows = try database.prepare("SELECT start, kind, detail FROM verdict WHERE series = ? ORDER BY id")
        try rows.bind(id, at: 1)
        var all: [BarVerdict] = []
        while try rows.step() {
            guard let kind = BarVerdict.Kind(rawValue: rows.text(1)) else { continue }
            all.append(BarVerdict(kind, at: rows.isNull(0) ? nil : rows.integer(0), rows.text(2)))
        }
        return all
    }

    private func judge(_ summary: Summary, _ limits: BarLimits) throws(DatabaseError) -> [BarVerdict] {
        var (bars, verdicts) = try soundBlocks(of: summary.id)
        verdicts += BarChecks.verdicts(bars, of: summary.key, limits: limits)
        verdicts += try refusals(of: summary.id)
        verdicts += try differences(of: summary.id, bars, limits)
        return verdicts
    }

    /// The bars of the blocks that are whole, and a verdict for each of the others.
    private func soundBlocks(of series: Int64) throws(DatabaseError) -> (BarColumns, [BarVerdict]) {
        let rows = BlockRange(series: series)
        let find = try database.prepare(
            "SELECT first, last, count, crc, columns FROM block WHERE id BETWEEN ? AND ? ORDER BY id")
        try find.bind(rows.lowest, at: 1)
        try find.bind(rows.highest, at: 2)
        var (bars, verdicts) = (BarColumns(), [BarVerdict]())
        while try find.step() {
            let before = bars.count
            do throws(DatabaseError) { try bars.appendBlock(find, from: 0, path) } catch {
                guard error.cause == .corrupt else { throw error }
                bars = bars.part(0..<before)
                verdicts.append(
                    BarVerdict(
                        .damagedBlock, at: find.integer(0),
                        "\(find.integer(2)) bars through \(MarketDate.text(BarTime.date(of: find.integer(1))))"))
            }
        }
        return (bars, verdicts)
    }

    private func refusals(of series: Int64) throws(DatabaseError) -> [BarVerdict] {
        let rows = try database.prepare(
            "SELECT reason, count(*), min(start), max(start) FROM refused WHERE series = ? GROUP BY reason ORDER BY reason"
        )
        try rows.bind(series, at: 1)
        var verdicts: [BarVerdict] = []
        while try rows.step() {
            let words = BarFault(rawValue: rows.text(0))?.words ?? rows.text(0)
            verdicts.append(BarVerdict(.refused, at: rows.integer(2), "\(rows.integer(1)) × \(words)"))
        }
        return verdicts
    }

    /// Where another provider's newest word on a bar is far from the current one.
    private func differences(
        of series: Int64, _ bars: BarColumns, _ limits: BarLimits
    ) throws(DatabaseError) -> [BarVerdict] {
        let rows = try database.prepare(
            """
            SELECT start, provider, open, high, low, close FROM revision JOIN batch ON batch.id = revision.batch
            WHERE series = ? AND why = 'other_source' ORDER BY start, revision.id
            """)
        try rows.bind(series, at: 1)
        var verdicts: [BarVerdict] = []
        while try rows.step() {
            let start = rows.integer(0)
            let at = bars.firstBar(atOrAfter: start)
            guard at < bars.count, bars.starts[at] == start else { continue }
            let pairs = [
                ("open", bars.open[at], rows.double(2)), ("high", bars.high[at], rows.double(3)),
                ("low", bars.low[at], rows.double(4)), ("close", bars.close[at], rows.double(5)),
            ]
            let far = pairs.filter { abs($0.1 - $0.2) > limits.sources * $0.1 }
            guard !far.isEmpty else { continue }
            let words = far.map { "\($0.0) \($0.1) but \($0.2)" }.joined(separator: ", ")
            let verdict = BarVerdict(.sourcesDiffer, at: start, "\(words) from \(rows.text(1))")
            if verdicts.last?.start == start { verdicts.removeLast() }  // the newest word of a bar
            verdicts.append(verdict)
        }
        return verdicts
    }

    private func store(_ verdicts: [BarVerdict], of series: Int64, at now: Int64) throws(DatabaseError) {
        try database.transaction { () throws(DatabaseError) in
            let drop = try database.prepare("DELETE FROM verdict WHERE series = ?")
            try drop.bind(series, at: 1)
            try drop.run()
            let add = try database.prepare(
                "INSERT INTO verdict(series, start, kind, detail, checked) VALUES(?, ?, ?, ?, ?)")
            for verdict in verdicts {
                try add.bind(series, at: 1)
                if let start = verdict.start { try add.bind(start, at: 2) } else { try add.bindNull(at: 2) }
                try add.bind(verdict.kind.rawValue, at: 3)
                try add.bind(verdict.detail, at: 4)
                try add.bind(now, at: 5)
                try add.run()
            }
        }
    }
}
