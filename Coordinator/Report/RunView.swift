import Jobs
import Market

/// A weekend's answer with its numbers resolved into names, sets and metrics, checked on the way: what every form of
/// the report is written from.
struct RunView {
    struct Group {
        /// `g3.1`: size and rank from 1.
        var identifier: String
        var size: Int, rank: Int
        var members: [Member]
        /// Per window the tickers all members bought. Shape [5].
        var consensus: [TickerSet]
        var metrics: GroupMetrics
        /// As the search answered it.
        var score: Double
        var isChosen: Bool
        var isBest: Bool { rank == 1 }
    }
    struct Member {
        var algorithm: Algorithm
        var number: UInt32
        var identifier: String { "\(algorithm.name).\(number)" }
    }

    let input: ReportInput
    /// By algorithm's raw value: every variation (number n at n − 1), and the numbers that survived.
    let evaluations: [[VariationEvaluation]]
    let pruned: [[UInt32]]
    /// The pool in its order.
    let pool: [Member]
    /// Per size in `answer.groups.sizes`, best first.
    let groups: [[Group]]
    /// Shape [5].
    let hits: [TickerSet]

    /// - Throws: when the answer contradicts itself: a report that cannot be recomputed is not written.
    init(_ input: ReportInput) throws(ReportError) {
        self.input = input
        let count = Algorithm.allCases.count
        var evaluations = [[VariationEvaluation]](repeating: [], count: count)
        var pruned = [[UInt32]](repeating: [], count: count)
        // A budget that ends before the prune leaves no numbers at all.
        let survivors =
            input.answer.pruned.isEmpty
            ? input.answer.evaluations.map { _ in [UInt32]() } : input.answer.pruned
        guard input.answer.evaluations.count == survivors.count else {
            throw Self.fault("\(input.answer.evaluations.count) studies, \(input.answer.pruned.count) prunes")
        }
        for (list, numbers) in zip(input.answer.evaluations, survivors) {
            // The list says whose it is, so that a weekend of fewer algorithms has fewer lists.
            guard let algorithm = list.first?.variation.algorithm else { continue }
            guard evaluations[Int(algorithm.rawValue)].isEmpty,
                list.allSatisfy({ $0.variation.algorithm == algorithm && $0.buys.count == Universe.windows }),
                numbers.allSatisfy({ $0 >= 1 && $0 <= UInt32(list.count) })
            else { throw Self.fault("the variations of \(algorithm.name) are mixed up") }
            evaluations[Int(algorithm.rawValue)] = list
            pruned[Int(algorithm.rawValue)] = numbers
        }
        self.evaluations = evaluations
        self.pruned = pruned
        pool = Algorithm.allCases.flatMap { algorithm in
            pruned[Int(algorithm.rawValue)].map { Member(algorithm: algorithm, number: $0) }
        }
        hits = input.universe.hits
        groups = try Self.groups(input, evaluations, pool, hits: hits)
    }

    func evaluation(_ member: Member) -> VariationEvaluation {
        evaluations[Int(member.algorithm.rawValue)][Int(member.number) - 1]
    }

    private static func groups(
        _ input: ReportInput, _ evaluations: [[VariationEvaluation]], _ pool: [Member], hits: [TickerSet]
    ) throws(ReportError) -> [[Group]] {
        let weights = GroupMetrics.weights(input.universe)
        let answer = input.answer.groups
        guard answer.top.count == answer.sizes.count, answer.chosen.count == answer.sizes.count else {
            throw fault("\(answer.sizes.count) sizes, \(answer.top.count) lists of groups")
        }
        var groups: [[Group]] = []
        for (at, candidates) in answer.top.enumerated() {
            var list: [Group] = []
            for (position, candidate) in candidates.enumerated() {
                let identifier = "g\(answer.sizes[at]).\(position + 1)"
                guard candidate.members.count == Int(answer.sizes[at]),
                    candidate.members.allSatisfy({ Int($0) < pool.count })
                else { throw fault("group \(identifier) has members that are not in the pool") }
                let members = candidate.members.map { pool[Int($0)] }
                let buys = members.map { evaluations[Int($0.algorithm.rawValue)][Int($0.number) - 1].buys }
                let consensus = (0..<Universe.windows).map { day in
                    buys.dropFirst().reduce(buys[0][day]) { $0.intersection($1[day]) }
                }
                let metrics = GroupMetrics(consensus: consensus, hits: hits, weights: weights)
                guard metrics.buys == candidate.buys.map(Int.init), metrics.hits == candidate.hits.map(Int.init),
                    abs(metrics.score - candidate.score) <= 1e-9 * max(abs(metrics.score), 1)
                else {
                    throw fault(
                        "group \(identifier) was answered with score \(candidate.score), buys \(candidate.buys), hits "
                            + "\(candidate.hits); recomputed: \(metrics.score), \(metrics.buys), \(metrics.hits)")
                }
                list.append(
                    Group(
                        identifier: identifier, size: members.count, rank: position + 1, members: members,
                        consensus: consensus, metrics: metrics, score: candidate.score,
                        isChosen: answer.chosen[at] == UInt32(position)))
            }
            groups.append(list)
        }
        return groups
    }

    private static func fault(_ what: String) -> ReportError {
        ReportError(
            "the weekend's answer contradicts itself: \(what). This is a fault of the program, please report it.")
    }

    /// Of a size: the chosen group, then the best one when that is another; empty when no group was retained.
    func finalGroups(_ at: Int) -> [Group] {
        groups[at].filter(\.isChosen) + groups[at].prefix(1).filter { !$0.isChosen }
    }
}
