import Market
import Messages

/// Exhaustive search for groups of variations that agree, under a wall-clock budget (DESIGN §5.6).
package enum Groups: JobKind {
    package static let name = "groups"
    package static let codeVersion: UInt32 = 1
    /// A piece of the search, from its bytes alone; which part of it a slice gets through may differ, and is in the result.
    package static let isRepeatable = true
    package static let isReusable = true

    package struct Spec: Wire, Equatable {
        /// A `VariationPool`.
        package var pool: BlobID
        /// Sizes retained, each 2…10, ascending.
        package var sizes: [UInt8]
        /// Groups kept per size.
        package var keep: UInt32
        package init(pool: BlobID, sizes: [UInt8] = [3, 4], keep: UInt32 = 1000) {
            self.pool = pool
            self.sizes = sizes
            self.keep = keep
        }
        package func write(to writer: inout WireWriter) {
            writer.value(pool)
            writer.blob(sizes)
            writer.integer(keep)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(pool: try reader.value(), sizes: try reader.blob(), keep: try reader.integer())
        }
    }

    /// A place in the search: a path of pool indices, one per level, ascending in algorithm. It names the node of that
    /// path and everything after it in depth-first (lexicographic) order. The empty path is the beginning.
    package struct Cursor: Wire, Hashable, Comparable {
        package var path: [UInt16]
        package init(_ path: [UInt16] = []) { self.path = path }
        package static func < (a: Cursor, b: Cursor) -> Bool { a.path.lexicographicallyPrecedes(b.path) }
        package func write(to writer: inout WireWriter) { writer.integers(path) }
        package init(from reader: inout WireReader) throws(WireError) { path = try reader.integers() }
    }

    /// A piece of the space: the nodes from `start` up to but not including `end` (nil: to the end of the space).
    package struct Piece: Wire, Hashable {
        package var start: Cursor
        package var end: Cursor?
        package init(start: Cursor, end: Cursor?) {
            self.start = start
            self.end = end
        }
        package func write(to writer: inout WireWriter) {
            writer.value(start)
            writer.optional(end)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(start: try reader.value(), end: try reader.optional())
        }
    }

    package struct Task: Wire, Equatable {
        package var pool: BlobID
        package var sizes: [UInt8]
        package var keep: UInt32
        package var work: Work
        /// Per size in `sizes`: a score that `keep` groups are already known to reach, or −∞. Groups below it may be
        /// left out of the answer; groups at it may not, since ties go to the smaller member list.
        package var thresholds: [Double]

        package enum Work: Equatable, Sendable {
            /// Measure every starter's branch without searching it.
            case survey
            /// Search a piece, for as long as the slice lasts.
            case search(Piece)
        }
        package init(pool: BlobID, sizes: [UInt8], keep: UInt32, work: Work, thresholds: [Double]) {
            self.pool = pool
            self.sizes = sizes
            self.keep = keep
            self.work = work
            self.thresholds = thresholds
        }
        package func write(to writer: inout WireWriter) {
            writer.value(pool)
            writer.blob(sizes)
            writer.integer(keep)
            writer.doubles(thresholds)
            if case .search(let piece) = work { writer.optional(piece) } else { writer.optional(Piece?.none) }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            pool = try reader.value()
            sizes = try reader.blob()
            keep = try reader.integer()
            thresholds = try reader.doubles()
            let piece: Piece? = try reader.optional()
            work = piece.map(Work.search) ?? .survey
        }
    }

    package struct Result: Wire, Equatable {
        /// The best of what this task searched, per size in `sizes`, best first.
        package var top: [[GroupCandidate]]
        package var accounting: GroupAccounting
        /// Where the slice ended: the rest of the piece. Nil when the piece is finished.
        package var rest: Piece?
        /// An upper bound on the score of every retained group in `rest`; −∞ when there is none.
        package var restBound: Double
        /// The survey's answer, one per pool index; empty for a search.
        package var starters: [StarterSurvey]
        package init(
            top: [[GroupCandidate]], accounting: GroupAccounting, rest: Piece?, restBound: Double,
            starters: [StarterSurvey] = []
        ) {
            self.top = top
            self.accounting = accounting
            self.rest = rest
            self.restBound = restBound
            self.starters = starters
        }
        package func write(to writer: inout WireWriter) {
            writer.count(top.count)
            for list in top { writer.array(list) }
            writer.value(accounting)
            writer.optional(rest)
            writer.double(restBound)
            writer.array(starters)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            top = []
            for _ in 0..<(try reader.count()) { top.append(try reader.array()) }
            accounting = try reader.value()
            rest = try reader.optional()
            restBound = try reader.double()
            starters = try reader.array()
        }
    }
}

/// A branch of the search before it is searched.
package struct StarterSurvey: Wire, Equatable {
    /// Upper bound on the score of every retained group whose first member is this variation; −∞ when there is none.
    package var bound: Double
    /// Pairs with this starter that pass the rail: a measure of the work.
    package var livePairs: UInt32
    package init(bound: Double, livePairs: UInt32) {
        self.bound = bound
        self.livePairs = livePairs
    }
    package func write(to writer: inout WireWriter) {
        writer.double(bound)
        writer.integer(livePairs)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(bound: try reader.double(), livePairs: try reader.integer())
    }
}

/// What happened to each node of the space (every set of 1…max-size variations of distinct algorithms is one node).
/// visited + cutByRail + cutByBound over a finished search is the whole space.
package struct GroupAccounting: Wire, Equatable {
    package var visited: UInt64 = 0
    /// Never visited because an ancestor, or the node's own pairwise part, has a day with fewer than 8 hits.
    package var cutByRail: UInt64 = 0
    /// Never visited because nothing below the ancestor can reach the thresholds.
    package var cutByBound: UInt64 = 0
    /// Of the visited: groups of a retained size that passed every rule.
    package var retained: UInt64 = 0
    package init() {}
    /// Nodes accounted for: the whole space when the search is finished.
    package var total: UInt64 { visited + cutByRail + cutByBound }
    package static func + (a: GroupAccounting, b: GroupAccounting) -> GroupAccounting {
        var sum = a
        sum.visited += b.visited
        sum.cutByRail += b.cutByRail
        sum.cutByBound += b.cutByBound
        sum.retained += b.retained
        return sum
    }
    package func write(to writer: inout WireWriter) {
        for count in [visited, cutByRail, cutByBound, retained] { writer.integer(count) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        visited = try reader.integer()
        cutByRail = try reader.integer()
        cutByBound = try reader.integer()
        retained = try reader.integer()
    }
}

/// A retained group: who agrees, and how well. Everything else (pp, wilson, …) follows from buys and hits.
package struct GroupCandidate: Wire, Equatable {
    /// Pool indices in algorithm order.
    package var members: [UInt16]
    package var score: Double
    /// B_d and H_d per window, oldest first. Shape [5].
    package var buys: [UInt16]
    package var hits: [UInt16]
    package init(members: [UInt16], score: Double, buys: [UInt16], hits: [UInt16]) {
        self.members = members
        self.score = score
        self.buys = buys
        self.hits = hits
    }
    /// Best first: higher score, ties to the lexicographically smaller member list.
    package static func ranksBefore(_ a: GroupCandidate, _ b: GroupCandidate) -> Bool {
        a.score != b.score ? a.score > b.score : a.members.lexicographicallyPrecedes(b.members)
    }
    package func write(to writer: inout WireWriter) {
        writer.integers(members)
        writer.double(score)
        writer.integers(buys)
        writer.integers(hits)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            members: try reader.integers(), score: try reader.double(), buys: try reader.integers(),
            hits: try reader.integers())
    }
}

/// The pruned variations a group search draws from, in (algorithm, variation number) order: so that comparing pool
/// indices compares (algorithm position, variation number).
package struct VariationPool: Wire, Equatable {
    package var symbolCount: UInt32
    /// Per window the tickers with a hit. Shape [5].
    package var hits: [TickerSet]
    package var members: [Member]

    package struct Member: Wire, Equatable {
        package var algorithm: Algorithm
        /// The variation's number in its algorithm's study, from 1.
        package var number: UInt32
        /// Shape [5].
        package var buys: [TickerSet]
        package init(algorithm: Algorithm, number: UInt32, buys: [TickerSet]) {
            self.algorithm = algorithm
            self.number = number
            self.buys = buys
        }
        /// `macd.17`
        package var identifier: String { "\(algorithm.name).\(number)" }
        package func write(to writer: inout WireWriter) {
            writer.integer(algorithm.rawValue)
            writer.integer(number)
            writer.array(buys)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            let code: UInt8 = try reader.integer()
            guard let algorithm = Algorithm(rawValue: code) else { throw WireError("there is no algorithm \(code)") }
            self.init(algorithm: algorithm, number: try reader.integer(), buys: try reader.array())
        }
    }
    package init(symbolCount: UInt32, hits: [TickerSet], members: [Member]) {
        self.symbolCount = symbolCount
        self.hits = hits
        self.members = members
    }
    package func write(to writer: inout WireWriter) {
        writer.integer(symbolCount)
        writer.array(hits)
        writer.array(members)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        symbolCount = try reader.integer()
        hits = try reader.array()
        members = try reader.array()
        let words = (Int(symbolCount) + 63) / 64
        guard hits.count == 5, hits.allSatisfy({ $0.words.count == words }),
            members.allSatisfy({ $0.buys.count == 5 && $0.buys.allSatisfy { $0.words.count == words } }),
            members.count <= Int(UInt16.max),
            zip(members, members.dropFirst()).allSatisfy({ ($0.algorithm, $0.number) < ($1.algorithm, $1.number) })
        else { throw WireError("a pool whose sets do not fit \(symbolCount) symbols or whose order is broken") }
    }
}
