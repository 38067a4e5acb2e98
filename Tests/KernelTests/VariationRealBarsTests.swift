import Foundation
import Jobs
import Market
import TestSupport
import Testing

@testable import Kernels

private let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "../shared/data/us-daily-2016-2017.csv.gz").standardizedFileURL

/// The symbols from A to C that have a bar on each of the newest 35 days and trade as DESIGN §5.1 wants on the last.
private func realUniverse(symbols limit: Int) throws -> Universe {
    let unpack = Process()
    let output = Pipe()
    unpack.executableURL = URL(filePath: "/bin/sh")
    unpack.arguments = ["-c", "gzip -dc \"$0\" | grep '^[A-C]'", file.path]
    unpack.standardOutput = output
    try unpack.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    unpack.waitUntilExit()

    var rows: [(symbol: Substring, lines: [[Substring]])] = []
    for line in text.split(separator: "\n") {
        let fields = line.split(separator: ",")
        if rows.last?.symbol != fields[0] { rows.append((fields[0], [])) }
        rows[rows.count - 1].lines.append(fields)
    }
    // Apple traded on every day that the exchanges did.
    let dates = rows.first { $0.symbol == "AAPL" }!.lines.suffix(Universe.days).map { $0[1] }
    var kept: [(symbol: String, bars: [[Double]])] = []
    for (symbol, lines) in rows where kept.count < limit && symbol.allSatisfy({ ("A"..."Z").contains($0) }) {
        let newest = lines.suffix(Universe.days)
        guard newest.map({ $0[1] }) == dates else { continue }
        let bars = newest.map { $0.dropFirst(2).map { Double($0)! } }
        let last = bars.last!
        guard last[3] > 10, last[3] < 90, (250_000...100_000_000).contains(last[4]) else { continue }
        kept.append((String(symbol), bars))
    }
    func field(_ at: Int) -> [Double] { (0..<Universe.days).flatMap { day in kept.map { $0.bars[day][at] } } }
    return Universe(
        symbols: kept.map(\.symbol), dates: dates.map { Int32($0.filter { $0 != "-" })! }, open: field(0),
        high: field(1), low: field(2), close: field(3), volume: field(4))
}

@Test func `on real bars the kernel buys what the definitions buy`() throws {
    guard FileManager.default.fileExists(atPath: file.path) else {
        print("There are no real bars at \(file.path): nothing was compared on them.")
        return
    }
    let universe = try realUniverse(symbols: 150)
    #expect(universe.symbols.count == 150)
    let oracle = VariationOracle(universe: universe)
    let kernel = VariationKernel(universe: universe)
    var random = SplitMix(seed: 2017)
    var bought = 0
    for algorithm in Algorithm.allCases {
        let variations = (0..<6).map { _ in randomVariation(algorithm, using: &random) }
        for evaluation in kernel.evaluate(variations) {
            #expect(evaluation.buys == oracle.buys(evaluation.variation), "\(evaluation.variation)")
            bought += Int(evaluation.metrics.pooledBuys)
        }
    }
    #expect(bought > 1000)
}
