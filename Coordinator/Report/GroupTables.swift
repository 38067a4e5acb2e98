import Jobs
import Market
import Store

/// candidate_groups, the best of each size, and final_groups, the chosen and the best: with everything the score is made
/// of, so that anyone can compute it again.
enum GroupTables {
    private static let metrics: [(name: String, value: @Sendable (GroupMetrics) -> Double)] = [
        ("pooled_pp", { $0.pooledPP }), ("weighted_pp", { $0.weightedPP }), ("median_pp", { $0.medianPP }),
        ("second_worst_pp", { $0.secondWorstPP }), ("wilson_lb", { $0.wilsonLB }), ("mean_buys", { $0.meanBuys }),
        ("cv", { $0.cv }), ("mad", { $0.mad }), ("iqr", { $0.iqr }), ("slope", { $0.slope }), ("rf", { $0.rf }),
        ("stability", { $0.stability }),
    ]
    private static let counts: [(name: String, value: @Sendable (GroupMetrics) -> Int)] = [
        ("pooled_buys", { $0.pooledBuys }), ("pooled_hits", { $0.pooledHits }), ("max_buys", { $0.maxBuys }),
        ("distinct_tickers", { $0.distinctTickers }),
    ]

    static func write(_ database: borrowing Database, _ view: RunView) throws(DatabaseError) {
        try write(database, "candidate_groups", view.groups.flatMap { $0 }, view)
        try write(database, "final_groups", view.groups.indices.flatMap { view.finalGroups($0) }, view)
    }

    private static func write(
        _ database: borrowing Database, _ table: String, _ groups: [RunView.Group], _ view: RunView
    ) throws(DatabaseError) {
        let columns =
            [
                "identifier TEXT NOT NULL", "group_size INTEGER NOT NULL", "members_json TEXT NOT NULL",
                "score REAL NOT NULL",
            ]
            + metrics.map { "\($0.name) REAL NOT NULL" } + counts.map { "\($0.name) INTEGER NOT NULL" }
            + ["day_pp_json", "day_hit_counts_json", "day_buy_counts_json", "day_buys_json"].map {
                "\($0) TEXT NOT NULL"
            }
            + ["chosen INTEGER NOT NULL", "best INTEGER NOT NULL"]
        try database.execute("CREATE TABLE \(table) (\(columns.joined(separator: ", ")))")
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        let insert = try database.prepare("INSERT INTO \(table) VALUES (\(marks))")
        let quoted = QuotedTickers(view.input.universe)
        for group in groups {
            try insert.bind(group.identifier, at: 1)
            try insert.bind(group.size, at: 2)
            var json = JSONWriter()
            json.array { json in for member in group.members { json.string(member.identifier) } }
            try insert.bind(utf8: json.bytes, at: 3)
            try insert.bind(group.score, at: 4)
            var at = 5
            for metric in metrics {
                try insert.bind(metric.value(group.metrics), at: at)
                at += 1
            }
            for count in counts {
                try insert.bind(count.value(group.metrics), at: at)
                at += 1
            }
            let days: [(inout JSONWriter) -> Void] = [
                { json in for value in group.metrics.pp { json.double(value) } },
                { json in for value in group.metrics.hits { json.integer(value) } },
                { json in for value in group.metrics.buys { json.integer(value) } },
                { json in for set in group.consensus { json.tickers(set, quoted: quoted) } },
            ]
            for day in days {
                json.removeAll()
                json.array(day)
                try insert.bind(utf8: json.bytes, at: at)
                at += 1
            }
            try insert.bind(group.isChosen ? 1 : 0, at: at)
            try insert.bind(group.isBest ? 1 : 0, at: at + 1)
            try insert.run()
        }
    }
}
