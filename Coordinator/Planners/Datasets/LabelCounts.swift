import JSON
import Jobs
import Market

/// How many labels are of each kind, how their returns spread, and a few of each tier and class to look at. The same
/// whatever order the labels come in.
struct LabelCounts {
    private(set) var events = 0
    private var rejected = EventRejection.allCases.map { _ in 0 }
    /// By name, in the order of the names given.
    private var tiers = QualityTier.allCases.map { _ in 0 }
    private var outcomes = OutcomeClass.allCases.map { _ in 0 }
    private var regimes = Regime.allCases.map { _ in 0 }
    /// Lower, time, upper.
    private var barriers = [0, 0, 0]
    private var ambiguous = 0, runners = 0, monsters = 0, avoided = 0
    private var spread: [(name: String, counts: [Int])] = ["ret_5d", "max_runup", "max_drawdown"].map {
        ($0, [Int](repeating: 0, count: Self.bins))
    }
    private var samples: [[Sample]] =
        QualityTier.allCases.map { _ in [] } + OutcomeClass.allCases.map { _ in [] }

    /// Of a return: −40 % to 40 % in steps of 2 %, what lies outside in the first and last.
    private static let bins = 40
    private static let binWidth = 0.02
    /// Shown of each tier and class.
    private static let sampleCount = 6

    private struct Sample {
        /// A number that no order of arrival changes: the smallest are kept.
        var key: UInt64
        var symbol: String
        var row: LabelRow
    }

    mutating func add(_ labelled: Label.Events) {
        for symbol in labelled.symbols {
            for (reason, count) in symbol.rejected.enumerated() { rejected[reason] += Int(count) }
            for row in symbol.rows { add(row, symbol.symbol) }
        }
    }

    private mutating func add(_ row: LabelRow, _ symbol: String) {
        events += 1
        tiers[Int(row.tier.rawValue)] += 1
        outcomes[Int(row.outcome.rawValue) + 1] += 1
        regimes[Int(row.regime.rawValue)] += 1
        barriers[Int(row.barrier) + 1] += 1
        ambiguous += row.isAmbiguous ? 1 : 0
        runners += row.isRunner ? 1 : 0
        monsters += row.isMonsterRunner ? 1 : 0
        avoided += row.avoid != [] ? 1 : 0
        for (at, value) in [row.returns[2], row.maxRunup, row.maxDrawdown].enumerated() {
            let bin = Int(max(-1, min(Double(Self.bins), (value / Self.binWidth).rounded(.down) + 20)))
            spread[at].counts[max(0, min(Self.bins - 1, bin))] += 1
        }
        var seed = UInt64(bitPattern: row.start) ^ UInt64(row.timeframe) << 48
        for byte in symbol.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var chance = SplitMix64(seed: seed)
        let sample = Sample(key: chance.next(), symbol: symbol, row: row)
        keep(sample, in: Int(row.tier.rawValue))
        keep(sample, in: QualityTier.allCases.count + Int(row.outcome.rawValue) + 1)
    }

    private mutating func keep(_ sample: Sample, in place: Int) {
        if samples[place].count == Self.sampleCount, samples[place][Self.sampleCount - 1].key <= sample.key { return }
        let at = samples[place].firstIndex { $0.key > sample.key } ?? samples[place].count
        samples[place].insert(sample, at: at)
        if samples[place].count > Self.sampleCount { samples[place].removeLast() }
    }

    // MARK: JSON

    private static func object(_ names: [String], _ counts: [Int]) -> JSONValue {
        .object(zip(names, counts).map { JSONValue.Member(key: $0, value: JSONValue($1)) })
    }
    var json: JSONValue {
        [
            "tier": Self.object(QualityTier.allCases.map(\.name), tiers),
            "class": Self.object(OutcomeClass.allCases.map(\.name), outcomes),
            "regime": Self.object(Regime.allCases.map(\.name), regimes),
            "barrier": Self.object(["lower", "time", "upper"], barriers),
            "barrier_ambiguous": JSONValue(ambiguous), "runner": JSONValue(runners),
            "monster_runner": JSONValue(monsters), "avoid_trade": JSONValue(avoided),
        ]
    }
    var rejectedJSON: JSONValue { Self.object(EventRejection.allCases.map(\.name), rejected) }
    var rejectedCount: Int { rejected.reduce(0, +) }
    var spreadJSON: JSONValue {
        .object(
            spread.map { name, counts in
                JSONValue.Member(
                    key: name,
                    value: [
                        "from": .number(-0.4), "step": .number(Self.binWidth),
                        "counts": .array(counts.map { JSONValue($0) }),
                    ])
            })
    }
    var samplesJSON: JSONValue {
        let names = QualityTier.allCases.map { "tier \($0.name)" } + OutcomeClass.allCases.map { "class \($0.name)" }
        return .object(
            zip(names, samples).map { name, list in
                JSONValue.Member(
                    key: name,
                    value: .array(
                        list.map { sample in
                            [
                                "symbol": .string(sample.symbol),
                                "timeframe": .string(Timeframe(rawValue: sample.row.timeframe)?.name ?? ""),
                                "time_ms": .integer(sample.row.start), "tier": .string(sample.row.tier.name),
                                "class": .string(sample.row.outcome.name), "regime": .string(sample.row.regime.name),
                                "ret_5d": .number(sample.row.returns[2]), "max_runup": .number(sample.row.maxRunup),
                                "max_drawdown": .number(sample.row.maxDrawdown),
                                "barrier": .integer(Int64(sample.row.barrier)),
                            ]
                        }))
            })
    }
}
