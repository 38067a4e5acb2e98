import Foundation
import Jobs
import Kernels
import Market

/// How fast groups are searched: nodes visited and nodes of the space per second, time to the proof, and the cost of
/// larger sizes, against a plain C loop on the same pool.
package enum GroupsBench {
    /// - Parameter arguments: the pool's seed, and how wide its variations buy: 0.36 gives a narrow pool of which most
    ///   branches die early, 0.95 a wide one that is hard. Without a width, 0.7 and 0.95.
    static func run(arguments: [String]) {
        let seed = arguments.first.flatMap { UInt64($0) } ?? 1
        let widths = arguments.dropFirst().compactMap { Double($0) }
        do {
            for width in widths.isEmpty ? [0.7, 0.95] : widths {
                let pool = marketPool(seed: seed, wide: width)
                let kernel = try GroupKernel(pool: pool, sizes: [3, 4], keep: 1000)
                print("pool \(width): \(pool.members.count) variations, \(kernel.space.nodeCount) nodes up to size 4")
                for threads in [1, 2] { try proof(pool, sizes: [3, 4], threads: threads) }
                try compareWithPlainLoop(pool, kernel)
            }
            print("cost by size, 1/4 of the narrow pool:")
            let small = marketPool(seed: seed, scale: 0.25, wide: 0.36)
            for size in UInt8(2)...6 { try proof(small, sizes: [size], threads: 1) }
        } catch { print("groups bench: \(error)") }
    }

    /// One slice of starters, searched by both in turn on one core; the answers must agree.
    private static func compareWithPlainLoop(_ pool: VariationPool, _ kernel: GroupKernel) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("apex-groups-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (program, file) = (folder.appendingPathComponent("plain"), folder.appendingPathComponent("pool"))
        var bytes = Data()
        func append(_ integer: some FixedWidthInteger) {
            unsafe withUnsafeBytes(of: integer.littleEndian) { unsafe bytes.append(contentsOf: $0) }
        }
        for number in [16, pool.members.count, Int(pool.symbolCount)] { append(UInt32(number)) }
        for set in pool.hits { for word in set.words { append(word) } }
        for member in pool.members {
            append(UInt64(member.algorithm.rawValue))
            for set in member.buys { for word in set.words { append(word) } }
        }
        try bytes.write(to: file)
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("peers/groups_plain.c")
        _ = try output(of: "/usr/bin/cc", ["-O3", "-march=native", source.path, "-o", program.path, "-lm"])
        // Starters of the second half of the pool: few enough nodes for the plain loop to finish in seconds.
        let (first, last) = (pool.members.count * 40 / 100, pool.members.count * 42 / 100)
        let piece = Groups.Piece(start: Groups.Cursor([UInt16(first)]), end: Groups.Cursor([UInt16(last)]))
        var ratios: [Double] = []
        for _ in 0..<3 {
            let begin = processorSeconds()
            let ours = try kernel.search(piece, thresholds: [-.infinity, -.infinity], shouldStop: { false })
            let seconds = processorSeconds() - begin
            let text = try output(of: program.path, [file.path, "\(first)", "\(last)"])
            let plain = text.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let plainSeconds = Double(plain[0]), UInt64(plain[2]) == ours.accounting.retained,
                zip(ours.top, plain[3...]).allSatisfy({ abs(($0.first?.score ?? -.infinity) - Double($1)!) < 1e-6 })
            else { return print("  the plain loop answers otherwise: \(text) \(ours.accounting)") }
            ratios.append(plainSeconds / seconds)
            if ratios.count == 1 {
                print(
                    "  plain C visits \(plain[1]) nodes in \(plainSeconds) s, Apex \(ours.accounting.visited) in "
                        + "\(seconds) s, of \(kernel.space.nodeCount(of: piece)); same answer")
            }
        }
        print(String(format: "  plain C / Apex, processor time on one core: %.1f", ratios.sorted()[1]))
    }

    private static func output(of program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// Searches the whole space in pieces that threads take in turn, and prints what it cost.
    private static func proof(_ pool: VariationPool, sizes: [UInt8], threads: Int) throws {
        let kernels = try (0..<threads).map { _ in try GroupKernel(pool: pool, sizes: sizes, keep: 1000) }
        let begin = ContinuousClock.now
        let cpu = processorSeconds()
        let survey = kernels[0].survey()
        let surveyed = ContinuousClock.now
        let space = kernels[0].space
        // Equal shares of the live pairs.
        let total = survey.reduce(0) { $0 + Int($1.livePairs) }
        var cuts: [Groups.Cursor] = [Groups.Cursor()]
        var sum = 0
        for (starter, branch) in survey.enumerated() {
            if sum > total / 256 * cuts.count { cuts.append(Groups.Cursor([UInt16(starter)])) }
            sum += Int(branch.livePairs)
        }
        let ends: [Groups.Cursor?] = Array(cuts.dropFirst()) + [nil]
        let pieces = zip(cuts, ends).map { Groups.Piece(start: $0, end: $1) }
        let shared = SharedSearch(pieces: pieces, sizes: sizes.count)
        let group = DispatchGroup()
        for kernel in kernels {
            let carried = Carried(kernel)
            DispatchQueue.global().async(group: group) {
                while let (piece, thresholds) = shared.take() {
                    let result = try? carried.value.search(piece, thresholds: thresholds, shouldStop: { false })
                    if let result { shared.merge(result) }
                }
            }
        }
        group.wait()
        let wall = (ContinuousClock.now - begin) / .seconds(1)
        // Per core: what the threads really ran, whatever else the machine was doing.
        let seconds = (processorSeconds() - cpu)
        let accounting = shared.accounting
        let sumOfNodes = accounting.visited + accounting.cutByRail + accounting.cutByBound
        precondition(sumOfNodes == space.nodeCount, "the account does not add up")
        func rate(_ nodes: UInt64) -> String { String(format: "%.0f M/s", Double(nodes) / seconds / 1e6) }
        print(
            String(
                format: "proof on %d threads: %.2f s, %.2f processor seconds (survey %.2f s)", threads, wall, seconds,
                (surveyed - begin) / .seconds(1)))
        print(
            "  per core: visited \(accounting.visited) = \(rate(accounting.visited)), space \(rate(space.nodeCount)), "
                + "cut by rail \(accounting.cutByRail), retained \(accounting.retained)")
        for list in shared.top { if let best = list.first { print("  best \(best.members) \(best.score)") } }
    }
}

/// Processor time of this process so far, in seconds.
func processorSeconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// A kernel handed to the one thread that uses it.
private struct Carried<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// The pieces not yet taken and the answer so far, behind one lock.
private final class SharedSearch: @unchecked Sendable {
    private let lock = NSLock()
    private var pieces: ArraySlice<Groups.Piece>
    private(set) var top: [[GroupCandidate]]
    private(set) var accounting = GroupAccounting()

    init(pieces: [Groups.Piece], sizes: Int) {
        self.pieces = pieces[...]
        top = Array(repeating: [], count: sizes)
    }
    func take() -> (Groups.Piece, [Double])? {
        lock.withLock {
            guard let piece = pieces.popFirst() else { return nil }
            return (piece, top.map { $0.count >= 1000 ? $0[999].score : -.infinity })
        }
    }
    func merge(_ result: Groups.Result) {
        lock.withLock {
            accounting = accounting + result.accounting
            for size in top.indices {
                top[size] = Array(
                    (top[size] + result.top[size]).sorted(by: GroupCandidate.ranksBefore).prefix(1000))
            }
        }
    }
}

/// A pool as a week's market might leave it: 1,000 tickers with momentum and size factors; a variation buys the tickers
/// whose noisy blend of the factors is above its own cut, so that variations of one algorithm resemble each other and
/// those of different algorithms agree more than chance.
func marketPool(seed: UInt64, scale: Double = 1, wide: Double = 0.36) -> VariationPool {
    var random = SplitMix64(seed: seed)
    let symbols = 1000
    let factors = (0..<5).map { _ in (0..<symbols).map { _ in (0..<4).map { _ in random.nextGaussian() } } }
    let hits = factors.map { day in
        var set = TickerSet(capacity: symbols)
        for ticker in 0..<symbols where 0.35 * day[ticker][0] + random.nextGaussian() > 0.05 { set.insert(ticker) }
        return set
    }
    // 1,250 variations whose space up to size 4 is about 34 G nodes.
    let counts = [250, 250, 80, 250, 50, 80, 100, 60, 50, 80]
    var members: [VariationPool.Member] = []
    for (algorithm, count) in zip(Algorithm.allCases, counts) {
        let taste = (0..<4).map { _ in random.nextGaussian() }
        for number in 1...max(1, Int(Double(count) * scale)) {
            let own = taste.map { $0 + 0.7 * random.nextGaussian() }
            let length = own.reduce(0.001) { $0 + $1 * $1 }.squareRoot()
            let noise = 0.4 + 0.8 * random.nextUnit()
            let share = 0.04 + wide * random.nextUnit() * random.nextUnit()
            let buys = factors.map { day in
                let scores = day.map { ticker in
                    zip(own, ticker).reduce(0) { $0 + $1.0 * $1.1 } / length + noise * random.nextGaussian()
                }
                let cut = scores.sorted(by: >)[min(symbols - 1, Int(share * Double(symbols)))]
                var set = TickerSet(capacity: symbols)
                for ticker in 0..<symbols where scores[ticker] > cut { set.insert(ticker) }
                return set
            }
            members.append(VariationPool.Member(algorithm: algorithm, number: UInt32(number), buys: buys))
        }
    }
    return VariationPool(symbolCount: UInt32(symbols), hits: hits, members: members)
}

extension SplitMix64 {
    /// Nearly, from twelve uniforms.
    fileprivate mutating func nextGaussian() -> Double { (0..<12).reduce(-6) { sum, _ in sum + nextUnit() } }
}
