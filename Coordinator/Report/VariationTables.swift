import Jobs
import Market
import Store

/// Two tables an algorithm: every variation tested, and `pruned_…` with those that survived.
enum VariationTables {
    private enum Value {
        case count(UInt32)
        case number(Double)
    }
    /// The metrics of DESIGN §5.3 as columns.
    private static let columns: [(name: String, value: @Sendable (VariationMetrics) -> Value)] = [
        ("pooled_buys", { .count($0.pooledBuys) }), ("pooled_hits", { .count($0.pooledHits) }),
        ("pooled_pp", { .number($0.pooledPP) }), ("median_pp", { .number($0.medianPP) }),
        ("mad", { .number($0.mad) }), ("iqr", { .number($0.iqr) }), ("range", { .number($0.range) }),
        ("buycount_median", { .number($0.buycountMedian) }), ("buycount_cv", { .number($0.buycountCV) }),
        ("wilson_lb", { .number($0.wilsonLB) }), ("ew_pp", { .number($0.ewPP) }),
        ("repeat_rate", { .number($0.repeatRate) }), ("top10_share", { .number($0.top10Share) }),
        ("min_daily_hits", { .count($0.minDailyHits) }), ("stability_score", { .number($0.stabilityScore) }),
        ("last_day_buys", { .count($0.buys[4]) }), ("last_day_hits", { .count($0.hits[4]) }),
        ("last_day_pp", { .number($0.pp(4)) }),
    ]

    static func write(_ database: borrowing Database, _ view: RunView) throws(DatabaseError) {
        let quoted = QuotedTickers(view.input.universe)
        for algorithm in Algorithm.allCases {
            let evaluations = view.evaluations[Int(algorithm.rawValue)]
            let all = evaluations.indices.map { UInt32($0 + 1) }
            try write(database, algorithm.name, evaluations, all, quoted)
            let pruned = view.pruned[Int(algorithm.rawValue)]
            try write(database, "pruned_" + algorithm.name, evaluations, pruned, quoted)
        }
    }

    private static func write(
        _ database: borrowing Database, _ table: String, _ evaluations: [VariationEvaluation], _ numbers: [UInt32],
        _ quoted: QuotedTickers
    ) throws(DatabaseError) {
        let metrics = columns.map { column in
            if case .count = column.value(VariationMetrics()) { return "\(column.name) INTEGER NOT NULL" }
            return "\(column.name) REAL NOT NULL"
        }
        let days = (1...Universe.windows).map { "day\($0)_buys_json TEXT NOT NULL" }
        let declarations = ["identifier TEXT NOT NULL", "params_json TEXT NOT NULL"] + metrics + days
        try database.execute("CREATE TABLE \(table) (\(declarations.joined(separator: ", ")))")
        let marks = declarations.map { _ in "?" }.joined(separator: ", ")
        let insert = try database.prepare("INSERT INTO \(table) VALUES (\(marks))")
        var json = JSONWriter()
        for number in numbers {
            let evaluation = evaluations[Int(number) - 1]
            try insert.bind("\(evaluation.variation.algorithm.name).\(number)", at: 1)
            json.removeAll()
            json.parameters(evaluation.variation)
            try insert.bind(utf8: json.bytes, at: 2)
            for (at, column) in columns.enumerated() {
                switch column.value(evaluation.metrics) {
                case .count(let value): try insert.bind(Int(value), at: 3 + at)
                case .number(let value): try insert.bind(value, at: 3 + at)
                }
            }
            for (day, buys) in evaluation.buys.enumerated() {
                json.removeAll()
                json.tickers(buys, quoted: quoted)
                try insert.bind(utf8: json.bytes, at: 3 + columns.count + day)
            }
            try insert.run()
        }
    }
}

extension JSONWriter {
    /// An object: the names of DESIGN §5.2, whole numbers without a point, choices as text.
    mutating func parameters(_ variation: Variation) {
        object { json in
            for (parameter, option) in zip(variation.algorithm.parameters, variation.options) {
                json.key(parameter.name)
                switch parameter.options {
                case .choices(let names): json.string(names[Int(option)])
                case .tenths(_, _, let step):
                    let value = parameter.value(of: option)
                    if step % 10 == 0 { json.integer(Int(value)) } else { json.double(value) }
                }
            }
        }
    }
}
