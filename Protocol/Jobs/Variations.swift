import Market
import Messages

/// Tests of parameter variations of the ten algorithms on five days of a universe, searched by TPE (DESIGN §5.2–5.4).
package enum Variations: JobKind {
    package static let name = "variations"
    package static let codeVersion: UInt32 = 1
    package static let isRepeatable = true
    package static let isReusable = true

    package struct Spec: Wire, Equatable {
        /// A `Universe`.
        package var universe: BlobID
        package var seed: UInt64
        /// Cycles of each algorithm's study.
        package var cycles: UInt32
        /// Variations tested in one cycle.
        package var batch: UInt32
        package var algorithms: [Algorithm]
        /// Bars in one of the universe's windows: what the constraints between parameters depend on.
        package var windowBars: UInt32
        package init(
            universe: BlobID, seed: UInt64, cycles: UInt32, batch: UInt32 = 8,
            algorithms: [Algorithm] = Algorithm.allCases,
            windowBars: Int = Universe.windowBars
        ) {
            self.universe = universe
            self.seed = seed
            self.cycles = cycles
            self.batch = batch
            self.algorithms = algorithms
            self.windowBars = UInt32(windowBars)
        }
        package func write(to writer: inout WireWriter) {
            writer.value(universe)
            writer.integer(seed)
            writer.integer(cycles)
            writer.integer(batch)
            writer.blob(algorithms.map(\.rawValue))
            writer.integer(windowBars)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            universe = try reader.value()
            seed = try reader.integer()
            cycles = try reader.integer()
            batch = try reader.integer()
            algorithms = []
            for code in try reader.blob() {
                guard let algorithm = Algorithm(rawValue: code) else {
                    throw WireError("there is no algorithm \(code)")
                }
                algorithms.append(algorithm)
            }
            windowBars = try reader.integer()
        }
    }

    /// One cycle of one study: variations of one algorithm.
    package struct Task: Wire, Equatable {
        package var universe: BlobID
        package var cycle: UInt32
        package var variations: [Variation]
        package init(universe: BlobID, cycle: UInt32, variations: [Variation]) {
            self.universe = universe
            self.cycle = cycle
            self.variations = variations
        }
        package func write(to writer: inout WireWriter) {
            writer.value(universe)
            writer.integer(cycle)
            writer.array(variations)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(universe: try reader.value(), cycle: try reader.integer(), variations: try reader.array())
        }
    }

    /// One evaluation per variation, in the task's order.
    package struct Result: Wire, Equatable {
        package var evaluations: [VariationEvaluation]
        package init(evaluations: [VariationEvaluation]) { self.evaluations = evaluations }
        package func write(to writer: inout WireWriter) { writer.array(evaluations) }
        package init(from reader: inout WireReader) throws(WireError) { evaluations = try reader.array() }
    }

    /// What the job leaves behind when it is run by itself.
    package struct Answer: Wire, Equatable {
        /// Every variation tested, per algorithm in `Algorithm` order (empty for those that were not asked for);
        /// variation number n is element n − 1.
        package var evaluations: [[VariationEvaluation]]
        package init(evaluations: [[VariationEvaluation]]) { self.evaluations = evaluations }
        package func write(to writer: inout WireWriter) {
            writer.count(evaluations.count)
            for list in evaluations { writer.array(list) }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            evaluations = []
            for _ in 0..<(try reader.count()) { evaluations.append(try reader.array()) }
        }
    }
}

/// What one variation bought on each of the five days, and its metrics.
package struct VariationEvaluation: Wire, Equatable {
    package var variation: Variation
    /// Per window d = 1…5, oldest first. Shape [5].
    package var buys: [TickerSet]
    package var metrics: VariationMetrics
    package init(variation: Variation, buys: [TickerSet], metrics: VariationMetrics) {
        self.variation = variation
        self.buys = buys
        self.metrics = metrics
    }
    package func write(to writer: inout WireWriter) {
        writer.value(variation)
        writer.array(buys)
        writer.value(metrics)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(variation: try reader.value(), buys: try reader.array(), metrics: try reader.value())
    }
}

/// DESIGN §5.3, names as the columns of run.sqlite. Percentages are 0…100.
package struct VariationMetrics: Wire, Equatable {
    /// Per window, oldest first. Shape [5].
    package var buys: [UInt32] = [0, 0, 0, 0, 0]
    package var hits: [UInt32] = [0, 0, 0, 0, 0]
    package var pooledBuys: UInt32 = 0
    package var pooledHits: UInt32 = 0
    package var pooledPP = 0.0
    package var medianPP = 0.0
    package var mad = 0.0
    package var iqr = 0.0
    package var range = 0.0
    package var buycountMedian = 0.0
    package var buycountCV = 0.0
    package var wilsonLB = 0.0
    package var ewPP = 0.0
    package var repeatRate = 0.0
    package var top10Share = 0.0
    package var minDailyHits: UInt32 = 0
    package var stabilityScore = 0.0
    package init() {}

    private static let numbers: [WritableKeyPath<VariationMetrics, Double> & Sendable] = [
        \.pooledPP, \.medianPP, \.mad, \.iqr, \.range, \.buycountMedian, \.buycountCV, \.wilsonLB, \.ewPP, \.repeatRate,
        \.top10Share, \.stabilityScore,
    ]
    /// 100 · hits / buys of window `day` (0-based), 0 without buys.
    package func pp(_ day: Int) -> Double { buys[day] == 0 ? 0 : 100 * Double(hits[day]) / Double(buys[day]) }

    package func write(to writer: inout WireWriter) {
        writer.integers(buys)
        writer.integers(hits)
        for count in [pooledBuys, pooledHits, minDailyHits] { writer.integer(count) }
        for path in Self.numbers { writer.double(self[keyPath: path]) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        buys = try reader.integers()
        hits = try reader.integers()
        guard buys.count == 5, hits.count == 5 else { throw WireError("metrics of \(buys.count) days; 5 were wanted") }
        pooledBuys = try reader.integer()
        pooledHits = try reader.integer()
        minDailyHits = try reader.integer()
        for path in Self.numbers { self[keyPath: path] = try reader.double() }
    }
}
