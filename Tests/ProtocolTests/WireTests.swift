import Jobs
import Market
import Messages
import TestSupport
import Testing

// Every type that travels: whatever is written is read back, and whatever else comes is refused without a trap.

/// One type that travels, and how to make values of it.
struct WireCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// A random value's bytes.
    let make: @Sendable (inout SplitMix) -> [UInt8]
    /// The bytes of what these bytes decode to; throws when they are refused.
    let roundTrip: @Sendable ([UInt8]) throws -> [UInt8]
    /// How many of the last bytes an earlier version did not write; what it stored is still read.
    let added: Int
    var testDescription: String { name }

    init<Value: Wire>(
        _ type: Value.Type, added: Int = 0, _ make: @escaping @Sendable (inout SplitMix) -> Value
    ) {
        name = "\(type)"
        self.added = added
        self.make = { make(&$0).wireBytes }
        roundTrip = { try Value(wireBytes: $0).wireBytes }
    }

    static let all: [WireCase] = [
        WireCase(JobID.self) { JobID($0.number()) },
        WireCase(TaskID.self) { TaskID(JobID($0.number()), $0.number()) },
        WireCase(WorkerID.self) { WorkerID($0.next()) },
        WireCase(BlobID.self) { $0.blob() },
        WireCase(String.self) { $0.text() },
        WireCase(PlanStatus.self) { $0.planStatus() },
        WireCase(PlanStatus.Stage.self) { $0.stage() },
        WireCase(TickerSet.self) { $0.tickers(130) },
        WireCase(Universe.self) { $0.universe() },
        WireCase(Variation.self) { $0.variation() },
        WireCase(Command.Spec.self, added: 16) { $0.command() },
        WireCase(Command.Result.self) { generator in
            Command.Result(
                exitCode: Int32(truncatingIfNeeded: generator.next()), output: generator.bytes(),
                errorOutput: generator.bytes())
        },
        WireCase(Noop.Spec.self) { Noop.Spec(count: $0.number(), resultBytes: $0.number()) },
        WireCase(Noop.Result.self) { Noop.Result(bytes: $0.bytes()) },
        WireCase(Variations.Spec.self) { $0.variationsSpec() },
        WireCase(Variations.Task.self) { $0.variationsTask() },
        WireCase(Variations.Result.self) { $0.variationsResult() },
        WireCase(VariationEvaluation.self) { $0.evaluation() },
        WireCase(VariationMetrics.self) { $0.metrics() },
        WireCase(Groups.Spec.self) { Groups.Spec(pool: $0.blob(), sizes: $0.bytes(), keep: $0.number()) },
        WireCase(Groups.Cursor.self) { $0.cursor() },
        WireCase(Groups.Piece.self) { $0.piece() },
        WireCase(Groups.Task.self) { $0.groupsTask() },
        WireCase(Groups.Result.self) { $0.groupsResult() },
        WireCase(StarterSurvey.self) { $0.starter() },
        WireCase(GroupAccounting.self) { $0.accounting() },
        WireCase(GroupCandidate.self) { $0.candidate() },
        WireCase(VariationPool.Member.self) { $0.member(number: 3, words: 2) },
        WireCase(VariationPool.self) { $0.pool() },
        WireCase(Weekend.Spec.self) {
            Weekend.Spec(variations: $0.variationsSpec(), sizes: $0.bytes(), keep: $0.number())
        },
        WireCase(Weekend.Task.self) { generator in
            generator.next() & 1 == 0 ? .variations(generator.variationsTask()) : .groups(generator.groupsTask())
        },
        WireCase(Weekend.Result.self) { generator in
            generator.next() & 1 == 0 ? .variations(generator.variationsResult()) : .groups(generator.groupsResult())
        },
        WireCase(Weekend.Rejection.self) { $0.rejection() },
        WireCase(Weekend.Answer.self) { generator in
            Weekend.Answer(
                evaluations: generator.list { $0.list { $0.evaluation() } },
                pruned: generator.list { $0.list { $0.number() } }, rejections: generator.list { $0.rejection() },
                pool: generator.blob(), groups: generator.groupsAnswer())
        },
        WireCase(GroupsAnswer.self) { $0.groupsAnswer() },
    ]
}

@Test(arguments: WireCase.all) func `what is written is read back, byte for byte`(type: WireCase) throws {
    for seed in seeds(20) {
        var generator = SplitMix(seed: seed)
        let bytes = type.make(&generator)
        #expect(try type.roundTrip(bytes) == bytes, "\(type.name), seed \(seed)")
    }
}

@Test(arguments: WireCase.all) func `bytes cut short anywhere, or one too many, are refused`(type: WireCase) throws {
    var generator = SplitMix(seed: 1)
    let bytes = type.make(&generator)
    // Every place in a short encoding; of a long one every place near its ends, and every hundredth between.
    for end in bytes.indices where bytes.count < 3000 || end < 500 || end > bytes.count - 500 || end % 100 == 0 {
        if type.added > 0, end == bytes.count - type.added {
            #expect(try type.roundTrip(Array(bytes[..<end])).count == bytes.count, "\(type.name) of before")
            continue
        }
        #expect(throws: WireError.self, "\(type.name) cut at \(end)") { try type.roundTrip(Array(bytes[..<end])) }
    }
    #expect(throws: WireError.self) { try type.roundTrip(bytes + [0]) }
}

@Test(arguments: WireCase.all) func `a damaged encoding is refused or decodes to something whole`(type: WireCase) throws
{
    for seed in seeds(60) {
        var generator = SplitMix(seed: seed)
        var bytes = type.make(&generator)
        for _ in 0...Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
            bytes[Int.random(in: bytes.indices, using: &generator)] ^= 1 << UInt8.random(in: 0...7, using: &generator)
        }
        guard let again = try? type.roundTrip(bytes) else { continue }
        // What was accepted can be sent on and is the same to whoever gets it.
        #expect(try type.roundTrip(again) == again, "\(type.name), seed \(seed)")
    }
}

@Test(arguments: WireCase.all) func `the largest and smallest numbers anywhere never trap`(type: WireCase) throws {
    for seed in seeds(2) {
        var generator = SplitMix(seed: seed)
        let bytes = type.make(&generator)
        for at in bytes.indices.prefix(200) {
            for width in [1, 4, 8] where at + width <= bytes.count {
                for pattern in [0xFF, 0x7F] as [UInt8] {
                    var edge = bytes
                    for byte in at..<at + width { edge[byte] = 0xFF }
                    edge[at + width - 1] = pattern
                    _ = try? type.roundTrip(edge)
                }
            }
        }
    }
}

@Test(arguments: seeds(50)) func `random bytes never trap`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    var accepted = 0
    for round in 0..<2000 {  // 50 seeds: 100,000 byte strings
        let type = WireCase.all[round % WireCase.all.count]
        var bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
            UInt8(truncatingIfNeeded: generator.next())
        }
        // Mostly small numbers: counts and tags that lead deeper than noise would.
        if round & 1 == 0 { bytes = bytes.map { $0 < 200 ? $0 % 3 : $0 } }
        if (try? type.roundTrip(bytes)) != nil { accepted += 1 }
    }
    #expect(accepted < 2000)
}

@Test func `a count that cannot be true is refused before memory is taken for it`() {
    var writer = WireWriter()
    writer.integer(UInt32.max)
    writer.integer(UInt64(0))
    let lie = writer.bytes
    func refuses(_ read: (inout WireReader) throws -> Void) {
        var reader = WireReader(lie)
        #expect(throws: WireError.self) { try read(&reader) }
    }
    let start = ContinuousClock.now
    for _ in 0..<1000 {
        refuses { _ = try $0.blob() }
        refuses { _ = try $0.string() }
        refuses { _ = try $0.array(of: String.self) }
        refuses { _ = try $0.array(of: TickerSet.self) }
        refuses { _ = try $0.integers(of: UInt64.self) }
        refuses { _ = try $0.doubles() }
        refuses { _ = try $0.count(elementBytes: .max / 1_000_000_000_000) }
    }
    // Each of these would take gigabytes, and seconds, if it were believed.
    #expect(ContinuousClock.now - start < .seconds(2))
}

// MARK: - Random values

extension SplitMix {
    mutating func number() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
    mutating func double() -> Double {
        let special = [0, -0.0, 1.5, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
        return next() & 3 == 0 ? special[Int(next() % 7)] : Double.random(in: -1000...1000, using: &self)
    }
    mutating func list<Value>(_ make: (inout SplitMix) -> Value) -> [Value] {
        (0..<Int(next() % 4)).map { _ in make(&self) }
    }
    mutating func bytes() -> [UInt8] { list { UInt8(truncatingIfNeeded: $0.next()) } }
    mutating func blob() -> BlobID { BlobID(hash: (0..<32).map { _ in UInt8(truncatingIfNeeded: next()) })! }
    mutating func text() -> String { list { ["a", "é", "日本", "🙂", "\0", ""][Int($0.next() % 6)] }.joined() }
    mutating func tickers(_ capacity: Int) -> TickerSet {
        var set = TickerSet(capacity: capacity)
        for ticker in 0..<capacity where next() & 1 == 0 { set.insert(ticker) }
        return set
    }
    mutating func stage() -> PlanStatus.Stage { .init(name: text(), done: next(), total: next(), unit: text()) }
    mutating func planStatus() -> PlanStatus {
        var status = PlanStatus()
        status.stages = list { $0.stage() }
        status.incumbent = next() & 1 == 0 ? nil : double()
        status.bound = next() & 1 == 0 ? nil : double()
        return status
    }
    mutating func universe() -> Universe {
        let symbols = (0..<Int(next() % 3)).map { "T\($0)" }
        let values = { (generator: inout SplitMix) in (0..<symbols.count * 35).map { _ in generator.double() } }
        return Universe(
            symbols: symbols, dates: (0..<35).map { 20_240_101 + $0 }, open: values(&self), high: values(&self),
            low: values(&self), close: values(&self), volume: values(&self))
    }
    mutating func algorithm() -> Algorithm { Algorithm.allCases.randomElement(using: &self)! }
    mutating func variation() -> Variation {
        let algorithm = algorithm()
        return Variation(algorithm, algorithm.parameters.map { UInt8(next() % UInt64($0.optionCount)) })
    }
    mutating func command() -> Command.Spec {
        .init(program: text(), arguments: list { $0.text() }, count: number(), timeoutMilliseconds: next())
    }
    mutating func variationsSpec() -> Variations.Spec {
        .init(universe: blob(), seed: next(), cycles: number(), batch: number(), algorithms: list { $0.algorithm() })
    }
    mutating func variationsTask() -> Variations.Task {
        .init(universe: blob(), cycle: number(), variations: list { $0.variation() })
    }
    mutating func variationsResult() -> Variations.Result { .init(evaluations: list { $0.evaluation() }) }
    mutating func evaluation() -> VariationEvaluation {
        .init(variation: variation(), buys: list { $0.tickers(70) }, metrics: metrics())
    }
    mutating func metrics() -> VariationMetrics {
        var metrics = VariationMetrics()
        metrics.buys = (0..<5).map { _ in number() }
        metrics.hits = (0..<5).map { _ in number() }
        metrics.pooledBuys = number()
        metrics.minDailyHits = number()
        metrics.pooledPP = double()
        metrics.wilsonLB = double()
        metrics.stabilityScore = double()
        return metrics
    }
    mutating func cursor() -> Groups.Cursor { .init(list { UInt16(truncatingIfNeeded: $0.next()) }) }
    mutating func piece() -> Groups.Piece { .init(start: cursor(), end: next() & 1 == 0 ? nil : cursor()) }
    mutating func groupsTask() -> Groups.Task {
        .init(
            pool: blob(), sizes: bytes(), keep: number(), work: next() & 1 == 0 ? .survey : .search(piece()),
            thresholds: list { $0.double() })
    }
    mutating func groupsResult() -> Groups.Result {
        .init(
            top: list { $0.list { $0.candidate() } }, accounting: accounting(), rest: next() & 1 == 0 ? nil : piece(),
            restBound: double(), starters: list { $0.starter() })
    }
    mutating func starter() -> StarterSurvey { .init(bound: double(), livePairs: number()) }
    mutating func accounting() -> GroupAccounting {
        var accounting = GroupAccounting()
        (accounting.visited, accounting.cutByRail) = (next(), next())
        (accounting.cutByBound, accounting.retained) = (next(), next())
        return accounting
    }
    mutating func candidate() -> GroupCandidate {
        let short = { (generator: inout SplitMix) in UInt16(truncatingIfNeeded: generator.next()) }
        return .init(members: list(short), score: double(), buys: list(short), hits: list(short))
    }
    mutating func member(number: UInt32, words: Int) -> VariationPool.Member {
        .init(algorithm: algorithm(), number: number, buys: (0..<5).map { _ in tickers(words * 64) })
    }
    mutating func pool() -> VariationPool {
        var members = (1...4 as ClosedRange<UInt32>).map { member(number: $0, words: 2) }
        members.sort { ($0.algorithm, $0.number) < ($1.algorithm, $1.number) }
        return .init(symbolCount: 128, hits: (0..<5).map { _ in tickers(128) }, members: members)
    }
    mutating func rejection() -> Weekend.Rejection { .init(algorithm: algorithm(), reason: text(), count: number()) }
    mutating func groupsAnswer() -> GroupsAnswer {
        .init(
            sizes: bytes(), top: list { $0.list { $0.candidate() } }, chosen: list { $0.next() & 1 == 0 ? nil : 7 },
            accounting: accounting(), space: next(), proved: next() & 1 == 0, bound: double(), rest: list { $0.piece() }
        )
    }
}
