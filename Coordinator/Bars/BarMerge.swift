import Store

/// What to do with a bar whose values differ from the current ones of its time.
enum Precedence: Equatable {
    /// It becomes current, and what was is kept with this word.
    case replace(String)
    /// It is kept with this word.
    case aside(String)

    /// A provider's newest word stands; between providers the better tier's; between equals what was there first.
    static func of(_ new: BarOrigin, against current: BarOrigin) -> Precedence {
        if new.provider == current.provider {
            return new.received >= current.received ? .replace("superseded") : .aside("older")
        }
        return new.tier < current.tier ? .replace("other_source") : .aside("other_source")
    }
}

/// Bars of one batch put among those that a series has.
struct Merge {
    let series: Int64
    let batch: Int64
    let origin: BarOrigin
    private(set) var columns = BarColumns()
    private(set) var isChanged = false

    init(series: Int64, batch: Int64, origin: BarOrigin) {
        self.series = series
        self.batch = batch
        self.origin = origin
    }

    /// - Parameters: held: ascending. bars: ascending, each start once.
    mutating func run(
        _ held: BarColumns, _ bars: [Bar], in store: BarStore, _ outcome: inout AppendOutcome
    ) throws(DatabaseError) {
        var (at, new) = (0, 0)
        while at < held.count || new < bars.count {
            if new == bars.count || at < held.count && held.starts[at] < bars[new].start {
                columns.append(held[at], batch: held.batches[at])
                at += 1
            } else if at == held.count || bars[new].start < held.starts[at] {
                columns.append(bars[new], batch: UInt32(batch))
                outcome.added += 1
                isChanged = true
                new += 1
            } else {
                try settle(held[at], Int64(held.batches[at]), bars[new], in: store, &outcome)
                at += 1
                new += 1
            }
        }
    }

    private mutating func settle(
        _ current: Bar, _ currentBatch: Int64, _ bar: Bar, in store: BarStore, _ outcome: inout AppendOutcome
    ) throws(DatabaseError) {
        if bar.hasValues(of: current) {
            columns.append(current, batch: UInt32(currentBatch))
            outcome.same += 1
            return
        }
        switch Precedence.of(origin, against: try store.origin(ofBatch: currentBatch)) {
        case .replace(let word):
            columns.append(bar, batch: UInt32(batch))
            isChanged = true
            outcome.revised += 1
            try store.keep(current, of: series, word, batch: currentBatch, insteadOf: batch)
        case .aside(let word):
            columns.append(current, batch: UInt32(currentBatch))
            if try store.isKept(bar, of: series, from: origin.provider) {
                outcome.same += 1
            } else {
                outcome.aside += 1
                try store.keep(bar, of: series, word, batch: batch, insteadOf: currentBatch)
            }
        }
    }
}

extension BarStore {
    func keep(
        _ bar: Bar, of series: Int64, _ why: String, batch: Int64, insteadOf current: Int64
    ) throws(DatabaseError) {
        try bind(bar, statements.addRevision, from: 6, series: series, word: why, batch: batch)
        try statements.addRevision.bind(current, at: 5)
        try statements.addRevision.run()
    }

    /// True when these values of a provider are beside the current ones already.
    func isKept(_ bar: Bar, of series: Int64, from provider: String) throws(DatabaseError) -> Bool {
        try statements.findAside.bind(series, at: 1)
        try statements.findAside.bind(bar.start, at: 2)
        try statements.findAside.bind(provider, at: 3)
        for (at, value) in [bar.open, bar.high, bar.low, bar.close, bar.volume].enumerated() {
            try statements.findAside.bind(value, at: 4 + at)
        }
        defer { statements.findAside.reset() }
        return try statements.findAside.step()
    }
}
