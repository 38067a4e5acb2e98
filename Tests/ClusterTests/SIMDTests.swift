import Foundation
import Store
import TestSupport
import Testing

/// Levels of vector instructions, the narrowest first: the texts that `APEX_SIMD` takes.
private let levels = ["scalar", "avx2", "avx512"]

/// The levels of `levels` that this machine has: a text beyond it is lowered to it and would test nothing new.
private func offeredLevels() -> [String] {
    let flags =
        (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
        .split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ").map(String.init) ?? []
    return levels.filter { level in
        switch level {
        case "avx2": flags.contains("avx2")
        case "avx512": flags.contains("avx512f")
        default: true
        }
    }
}

@Test func `a weekend gives the same groups at each SIMD level`() throws {
    let offered = offeredLevels()
    let lacking = levels.filter { !offered.contains($0) }
    if !lacking.isEmpty { print("SIMD levels that this machine lacks: \(lacking.joined(separator: ", "))") }
    let folder = TemporaryFolder("simd")
    var expected: [String] = []
    for level in offered {
        let out = folder.path + "/" + level
        let outcome = try Programs.run(
            "apex",
            [
                "weekend", "--demo", "--seed", "5", "--universe", "192", "--cycles", "4", "--workers", "2", "--json",
                "--out", out,
            ], environment: ["APEX_SIMD": level])
        #expect(outcome.code == 0, "\(level): \(outcome.errors)")
        let tables = try values(out + "/run.sqlite")
        #expect(tables.count > 4)
        if expected.isEmpty { expected = tables }
        #expect(tables == expected, "\(level) differs from \(offered[0])")
    }
}

/// Every value of what the kernels decide: what each algorithm's variations bought and scored, and the groups.
private func values(_ path: String) throws -> [String] {
    let database = try Database(path: path, mode: .readOnly)
    var lines: [String] = []
    for table in ["macd", "adx", "volatility", "rsi_bollinger", "candidate_groups", "final_groups"] {
        let rows = try database.prepare("SELECT * FROM \(table) ORDER BY rowid")
        while try rows.step() {
            lines.append(table + ":" + (0..<rows.columnCount).map { rows.text($0) }.joined(separator: "|"))
        }
    }
    return lines
}
