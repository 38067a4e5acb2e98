import Foundation

/// The whole weekend, as a person runs it: from the file of bars to the report, proof included.
package enum WeekendBench {
    /// - Parameter arguments: a file of daily bars (without one, the demo market), then how many runs.
    static func run(arguments: [String]) {
        let bars = arguments.first { Int($0) == nil }
        let runs = arguments.compactMap(Int.init).first ?? 5
        var totals: [Double] = []
        var stages: [String: [Double]] = [:]
        var order: [String] = []
        var answers: Set<String> = []
        for number in 1...max(runs, 1) {
            let out = NSTemporaryDirectory() + "apex-weekend-\(getpid())"
            defer { try? FileManager.default.removeItem(atPath: out) }
            let input = bars.map { ["--bars", $0] } ?? ["--demo"]
            let begin = ContinuousClock.now
            guard let report = weekend(input + ["--seed", "7", "--out", out, "--json"]) else {
                print("weekend: the run failed; build both programs with `swift build -c release`.")
                return
            }
            totals.append((ContinuousClock.now - begin) / .seconds(1))
            for stage in report["stages"] as? [[String: Any]] ?? [] {
                guard let name = stage["name"] as? String, let seconds = stage["seconds"] as? Double else { continue }
                if stages[name] == nil { order.append(name) }
                stages[name, default: []].append(seconds)
            }
            let groups = report["groups"].flatMap {
                try? JSONSerialization.data(withJSONObject: $0, options: .sortedKeys)
            }
            answers.insert(String(decoding: groups ?? Data(), as: UTF8.self))
            let proved = report["proved"] as? Bool == true ? "proved" : "NOT proved"
            print(String(format: "  run %d: %.1f s, \(proved)", number, totals[totals.count - 1]))
        }
        let split = order.map { String(format: "%@ %.2f", $0, median(stages[$0]!)) }.joined(separator: ", ")
        print(String(format: "weekend: median %.1f s wall of %d runs (%@)", median(totals), totals.count, split))
        print(String(format: "43 h 53 m as it is done today / Apex: %.0f", (43 * 3600 + 53 * 60) / median(totals)))
        print(answers.count == 1 ? "every run gave the same groups" : "RUNS DIFFER: \(answers.count) answers")
    }

    private static func weekend(_ arguments: [String]) -> [String: Any]? {
        let process = Process()
        let here = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        process.executableURL = here.appendingPathComponent("apex")
        process.arguments = ["weekend"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? try? JSONSerialization.jsonObject(with: data) as? [String: Any] : nil
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }
}
