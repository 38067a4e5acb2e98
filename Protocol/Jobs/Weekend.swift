import Market
import Messages

/// Variations → prune → groups → select, as one resumable job (DESIGN §5). A composite: its tasks are the tasks of
/// the kinds it is made of.
package enum Weekend: JobKind {
    package static let name = "weekend"
    package static let codeVersion: UInt32 = 1
    package static let isRepeatable = true
    package static let isReusable = true

    package struct Spec: Wire, Equatable {
        package var variations: Variations.Spec
        package var sizes: [UInt8]
        package var keep: UInt32
        package init(variations: Variations.Spec, sizes: [UInt8] = [3, 4], keep: UInt32 = 1000) {
            self.variations = variations
            self.sizes = sizes
            self.keep = keep
        }
        package func write(to writer: inout WireWriter) {
            writer.value(variations)
            writer.blob(sizes)
            writer.integer(keep)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(variations: try reader.value(), sizes: try reader.blob(), keep: try reader.integer())
        }
    }

    package enum Task: Wire, Equatable {
        case variations(Variations.Task)
        case groups(Groups.Task)
        package func write(to writer: inout WireWriter) {
            switch self {
            case .variations(let task):
                writer.integer(UInt8(0))
                writer.value(task)
            case .groups(let task):
                writer.integer(UInt8(1))
                writer.value(task)
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .variations(try reader.value())
            case 1: self = .groups(try reader.value())
            case let other: throw WireError("a weekend has no stage \(other)")
            }
        }
    }

    package enum Result: Wire, Equatable {
        case variations(Variations.Result)
        case groups(Groups.Result)
        package func write(to writer: inout WireWriter) {
            switch self {
            case .variations(let result):
                writer.integer(UInt8(0))
                writer.value(result)
            case .groups(let result):
                writer.integer(UInt8(1))
                writer.value(result)
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .variations(try reader.value())
            case 1: self = .groups(try reader.value())
            case let other: throw WireError("a weekend has no stage \(other)")
            }
        }
    }

    /// What the job leaves behind, as a blob: enough to write run.sqlite and the report.
    package struct Answer: Wire, Equatable {
        /// Every variation tested, per algorithm in `Algorithm` order; variation number n is element n − 1.
        package var evaluations: [[VariationEvaluation]]
        /// Per algorithm the numbers that survived the prune, ascending.
        package var pruned: [[UInt32]]
        /// What the prune dropped, by reason, in the order the rules apply.
        package var rejections: [Rejection]
        package var pool: BlobID
        package var groups: GroupsAnswer
        /// The stage that the budget ended in; nil when the weekend is proved.
        package var stoppedIn: String? {
            // Before the prune there is no pool, and after it every algorithm has a list, be it an empty one.
            groups.proved ? nil : pruned.isEmpty ? "variations" : "groups"
        }
        package init(
            evaluations: [[VariationEvaluation]], pruned: [[UInt32]], rejections: [Rejection], pool: BlobID,
            groups: GroupsAnswer
        ) {
            self.evaluations = evaluations
            self.pruned = pruned
            self.rejections = rejections
            self.pool = pool
            self.groups = groups
        }
        package func write(to writer: inout WireWriter) {
            writer.count(evaluations.count)
            for list in evaluations { writer.array(list) }
            writer.count(pruned.count)
            for list in pruned { writer.integers(list) }
            writer.array(rejections)
            writer.value(pool)
            writer.value(groups)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            evaluations = []
            for _ in 0..<(try reader.count()) { evaluations.append(try reader.array()) }
            pruned = []
            for _ in 0..<(try reader.count()) { pruned.append(try reader.integers()) }
            rejections = try reader.array()
            pool = try reader.value()
            groups = try reader.value()
        }
    }

    /// How many variations of one algorithm a rule dropped.
    package struct Rejection: Wire, Equatable {
        package var algorithm: Algorithm
        package var reason: String
        package var count: UInt32
        package init(algorithm: Algorithm, reason: String, count: UInt32) {
            self.algorithm = algorithm
            self.reason = reason
            self.count = count
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(algorithm.rawValue)
            writer.string(reason)
            writer.integer(count)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            let code: UInt8 = try reader.integer()
            guard let algorithm = Algorithm(rawValue: code) else { throw WireError("there is no algorithm \(code)") }
            self.init(algorithm: algorithm, reason: try reader.string(), count: try reader.integer())
        }
    }
}

/// The end of a group search: the best per size, what was chosen, and how much of it is proved.
package struct GroupsAnswer: Wire, Equatable {
    package var sizes: [UInt8]
    /// Per size, best first, at most `keep`.
    package var top: [[GroupCandidate]]
    /// Per size the position in `top` of the chosen group (DESIGN §5.7); nil where no group was retained.
    package var chosen: [UInt32?]
    package var accounting: GroupAccounting
    /// Nodes in the whole space, from a closed form over the pool's counts per algorithm.
    package var space: UInt64
    /// True when every node was visited or cut: no better group exists.
    package var proved: Bool
    /// Upper bound on every retained group not yet searched; −∞ when proved.
    package var bound: Double
    /// What is left, in search order; empty when proved.
    package var rest: [Groups.Piece]
    package init(
        sizes: [UInt8], top: [[GroupCandidate]], chosen: [UInt32?], accounting: GroupAccounting, space: UInt64,
        proved: Bool, bound: Double, rest: [Groups.Piece]
    ) {
        self.sizes = sizes
        self.top = top
        self.chosen = chosen
        self.accounting = accounting
        self.space = space
        self.proved = proved
        self.bound = bound
        self.rest = rest
    }
    /// Of a search that has not begun: nothing is known of any group.
    package static func notBegun(sizes: [UInt8]) -> GroupsAnswer {
        GroupsAnswer(
            sizes: sizes, top: sizes.map { _ in [] }, chosen: sizes.map { _ in nil }, accounting: GroupAccounting(),
            space: 0, proved: false, bound: .infinity, rest: [])
    }
    package func write(to writer: inout WireWriter) {
        writer.blob(sizes)
        writer.count(top.count)
        for list in top { writer.array(list) }
        writer.integers(chosen.map { $0 ?? .max })
        writer.value(accounting)
        writer.integer(space)
        writer.bool(proved)
        writer.double(bound)
        writer.array(rest)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        sizes = try reader.blob()
        top = []
        for _ in 0..<(try reader.count()) { top.append(try reader.array()) }
        chosen = try reader.integers(of: UInt32.self).map { $0 == .max ? nil : $0 }
        accounting = try reader.value()
        space = try reader.integer()
        proved = try reader.bool()
        bound = try reader.double()
        rest = try reader.array()
    }
}
