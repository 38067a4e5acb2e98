import Bars
import Foundation
import Market

/// The store of bars in SQLite beside the same in HDF5: `bench bars [SYMBOLS] [DAYS] [ROUNDS]`.
///
/// Both hold one series a symbol, are filled durably, read whole, read for the newest 35 bars of every symbol, and given
/// one more day durably, in seconds of processor time; then processes that append are killed and the files looked at.
enum BarsBench {
    private static let basis = BarStore.Basis(adjustment: .split, feed: SeriesKey.consolidated)
    private static let window = 35

    static func run(arguments: [String]) {
        let numbers = arguments.compactMap { Int($0) }
        let symbols = numbers.first ?? 2000
        let days = numbers.dropFirst().first ?? 1258
        let rounds = numbers.dropFirst(2).first ?? 5
        let folder = FileManager.default.temporaryDirectory.appending(path: "apex-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try measure(folder, symbols, days, rounds)
        } catch { print("  not measured: \(error)") }
    }

    private static func measure(_ folder: URL, _ symbols: Int, _ days: Int, _ rounds: Int) throws {
        let peer = hdf5(folder, symbols, days)
        let path = folder.appending(path: "bars.sqlite").path
        let store = try BarStore(path: path, access: .write)
        let load = try CSVBench.time { _ = try store.append(batch("load", symbols, 0..<days)) }
        let bars = Double(symbols * days)
        print(
            "  \(symbols) symbols × \(days) daily bars; \(peer?.greeting.dropFirst(6) ?? "no HDF5 (cc, libhdf5-dev)")")
        let theirLoad = peer?.ask("load")[0]
        show("loaded durably", bars, [load], theirLoad.map { [$0] })

        var (ours, theirs): ([String: [Double]], [String: [Double]]) = ([:], [:])
        for round in 0..<rounds + 1 {
            var sums: [String: Double] = [:]
            func note(_ name: String, _ seconds: Double) { if round > 0 { ours[name, default: []].append(seconds) } }
            note(
                "read whole",
                try CSVBench.time {
                    // Another connection, as a weekend would open.
                    let daily = try BarStore(path: path, access: .read).dailyBars(basis)
                    sums["read whole"] = daily.close.reduce(0, +)
                })
            note(
                "newest \(window) of each",
                try CSVBench.time {
                    let windows = try BarStore(path: path, access: .read).windows(minutes: 1440, basis, bars: window)
                    sums["newest \(window) of each"] = windows.bars.close.reduce(0, +)
                })
            for (name, command) in [("read whole", "read"), ("newest \(window) of each", "windows")] {
                guard let peer else { continue }
                let answer = peer.ask(command)
                precondition(abs(answer[1] - sums[name]!) < 1e-9 * answer[1], "\(name): the sums of the closes differ")
                if round > 0 { theirs[name, default: []].append(answer[0]) }
            }
            // One more day for both, so that the next round's sums agree again.
            note(
                "one more day, durably",
                try CSVBench.time { _ = try store.append(batch("\(round)", symbols, days + round..<days + round + 1)) })
            if let peer {
                let seconds = peer.ask("day")[0]
                if round > 0 { theirs["one more day, durably", default: []].append(seconds) }
            }
        }
        show("read whole", bars, ours["read whole"]!, theirs["read whole"])
        show(
            "newest \(window) of each", Double(symbols * window), ours["newest \(window) of each"]!,
            theirs["newest \(window) of each"])
        show("one more day, durably", Double(symbols), ours["one more day, durably"]!, theirs["one more day, durably"])
        let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        print("  size: \(digits(Double(bytes) / bars, 1)) bytes a bar")
        if let small = hdf5(folder, 500, 300, name: "small.h5") {
            let killed = small.ask("kill")
            print(
                "  HDF5, 20 processes killed while they append: \(Int(killed[0])) files unreadable, \(Int(killed[1])) with a "
                    + "day for some symbols only")
        }
    }

    private static func show(_ what: String, _ count: Double, _ ours: [Double], _ theirs: [Double]?) {
        var line = "  \(what): \(digits(count / median(ours) / 1e6, 3)) M bars/s"
        if let theirs {
            line +=
                "; HDF5 \(digits(count / median(theirs) / 1e6, 3)); ours is "
                + "\(digits(median(zip(theirs, ours).map { $0 / $1 }), 2)) times as fast"
        }
        print(line)
    }

    /// The same numbers as bench/peers/bars_hdf5.c makes.
    private static func batch(_ name: String, _ symbols: Int, _ days: Range<Int>) -> BarBatch {
        BarBatch(
            identifier: name, provider: "bench", request: name, received: 1, tier: 0,
            series: (0..<symbols).map { symbol in
                let text = String(symbol)
                let padded = "S" + String(repeating: "0", count: 5 - text.count) + text
                return BarBatch.Series(
                    SeriesKey(symbol: padded),
                    days.map { day in
                        let close = 10 + Double((symbol * 7919 + day * 104_729) % 8000) / 100
                        return Bar(
                            start: Int64(day) * BarTime.day, open: close, high: close + 1, low: close - 1, close: close,
                            volume: Double(1000 + day))
                    })
            })
    }

    private static func hdf5(_ folder: URL, _ symbols: Int, _ days: Int, name: String = "bars.h5") -> PeerProcess? {
        let program = folder.appending(path: "bars_hdf5").path
        if !FileManager.default.fileExists(atPath: program) {
            let compiler = Process()
            compiler.executableURL = URL(filePath: "/usr/bin/env")
            compiler.arguments = [
                "cc", "-O2", "-I/usr/include/hdf5/serial", PeerProcess.file("bars_hdf5.c"), "-o", program,
                "-lhdf5_serial",
            ]
            compiler.standardError = FileHandle.nullDevice
            guard (try? compiler.run()) != nil else { return nil }
            compiler.waitUntilExit()
        }
        return PeerProcess(program, [folder.appending(path: name).path, "\(symbols)", "\(days)"])
    }
}
