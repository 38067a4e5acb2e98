import Foundation
import Market

/// Daily bars a second of one core's time from a CSV file: `bench csv [FILE] [ROUNDS]`; without a file, a made-up market's.
///
/// Ours includes what the peers leave out: every row is judged, and the columns come out sorted by symbol and day. The
/// same pass without the path of usual rows shows what that path gains.
enum CSVBench {
    static func run(arguments: [String]) {
        let rounds = arguments.dropFirst().first.flatMap { Int($0) } ?? 7
        let folder = FileManager.default.temporaryDirectory.appending(path: "apex-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let csv: [UInt8]
            if let file = arguments.first, file != "-" {
                csv = try InputFile.bytes(path: file)
            } else {
                csv = clean(DemoMarket.csv(seed: 1, symbolCount: 2000, dayCount: 250))
            }
            let path = folder.appending(path: "bars.csv").path
            try Data(csv).write(to: URL(filePath: path))
            try measure(path, rounds)
            try measureGzip(path, rounds)
        } catch { print("  not measured: \(error)") }
    }

    /// Without the rows that the made-up market breaks on purpose: the peers stop at texts where numbers should be.
    private static func clean(_ csv: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(csv.count)
        for (at, line) in csv.split(separator: 10).enumerated() {
            let cells = line.split(separator: 44, omittingEmptySubsequences: false)
            let isWhole =
                at == 0
                || (try? DailyBars(csv: Array("symbol,date,open,high,low,close,volume\n".utf8) + line, name: "a row"))
                    .map { $0.rowCount == 1 && $0.rejected.total == 0 } ?? false
            if isWhole, cells.count == 7 { kept += line + [10] }
        }
        return kept
    }

    private static func measure(_ path: String, _ rounds: Int) throws {
        let bars = try DailyBars.read(path: path)
        let bytes = try InputFile.bytes(path: path)
        let rows = Double(bars.rowCount)
        let peer = PeerProcess(PeerProcess.python, [PeerProcess.file("csv_readers.py"), path])
        var seconds: [String: [Double]] = [:]
        for round in 0..<rounds + 1 {
            var timed: [String: Double] = [:]
            timed["ours, from the file"] = try time { _ = try DailyBars.read(path: path) }
            timed["ours, from memory"] = try time { _ = try DailyBars(csv: bytes, name: path) }
            timed["ours, every row the careful way"] = try time {
                _ = try DailyBars(csv: bytes, name: path, isCareful: true)
            }
            for name in ["pandas", "pyarrow"] {
                guard let peer else { continue }
                let answer = peer.ask(name)
                guard answer.count == 4 else { continue }
                check(answer, bars)
                timed[name] = answer[0]
            }
            if round == 0 { continue }  // it warms up
            for (name, value) in timed { seconds[name, default: []].append(value) }
        }
        print(
            "  \(bars.rowCount) rows, \(bytes.count) bytes; \(peer?.greeting ?? "no pandas and pyarrow (APEX_PEERS)")")
        let own = seconds["ours, from the file"]!
        for name in [
            "ours, from the file", "ours, from memory", "ours, every row the careful way", "pandas", "pyarrow",
        ] {
            guard let all = seconds[name] else { continue }
            let ratio = median(zip(all, own).map { $0 / $1 })
            print(
                "  \(name): \(digits(rows / median(all) / 1e6, 2)) M bars/s; ours is \(digits(ratio, 2)) times as fast")
        }
    }

    private static func measureGzip(_ path: String, _ rounds: Int) throws {
        let zip = Process()
        zip.executableURL = URL(filePath: "/usr/bin/env")
        zip.arguments = ["gzip", "-k", path]
        try zip.run()
        zip.waitUntilExit()
        let bars = try DailyBars.read(path: path + ".gz")
        let all = try (0..<rounds).map { _ in try time { _ = try DailyBars.read(path: path + ".gz") } }
        print("  ours, from gzip: \(digits(Double(bars.rowCount) / median(all) / 1e6, 2)) M bars/s")
    }

    /// The peers keep rows that we refuse, so only a file without such rows is compared in full.
    private static func check(_ answer: [Double], _ bars: DailyBars) {
        precondition(Int(answer[1]) == bars.rowCount, "the peer reads \(answer[1]) rows of \(bars.rowCount)")
        guard bars.rejected.total == 0 else { return }
        for (theirs, ours) in [(answer[2], bars.close), (answer[3], bars.volume)] {
            let sum = ours.reduce(0, +)
            precondition(abs(theirs - sum) <= 1e-9 * abs(sum), "the peer's sum is \(theirs), ours \(sum)")
        }
    }

    /// Seconds of processor time: what one core does, whoever else uses the machine.
    static func time(_ body: () throws -> Void) rethrows -> Double {
        let start = processorSeconds()
        try body()
        return processorSeconds() - start
    }
    static func processorSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
