import Bars
import JSON
import Messages

/// `apex data check`.
enum DataCheck: Subcommand {
    static let name = "check"
    static let summary = "judge every bar: faults, outliers, gaps, sources that differ"
    static let help = """
        usage: apex data check [OPTIONS]

        Judges every series and stores the verdicts (table verdict); no bar is changed. Faults make bars unusable: bytes
        that are not what was written, times that do not ascend, impossible values. The others are for a person to
        judge: spikes and wicks far from the bars beside them, steps as by a split, frozen prices, no volume, sessions
        without a bar, bars without a session, refused bars, and other sources' prices far from the current ones.

          --move SHARE        a price so far from its neighbours may be remarkable (default 0.25), when it is also 8
                              times what is typical of the series
          --show N            verdicts to print of each kind (default 10)
        \(SeriesChoice.help)
          --json              {"store","series","bars","faults","counts":{…},"verdicts":[{"symbol","timeframe",
                              "adjustment","feed","start","kind","detail"}…]}
        \(storeHelp)

        Exit code 0: no faults; 1: faults.

        example: apex data check --symbols AAPL --move 0.1
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let path = try storePath(&arguments)
        let choice = try SeriesChoice(&arguments)
        var limits = BarLimits()
        if let text = try arguments.value("--move") {
            guard let move = Double(text), move > 0, move < 100 else {
                throw UsageError("--move is \(text); give a share above 0, as 0.25.")
            }
            limits.move = move
        }
        let shown = try arguments.integer("--show", 0...1_000_000) ?? 10
        let json = arguments.flag("--json")
        try arguments.finishWithoutTrailing()

        let store = try BarStore(path: try mustExist(path), access: .write)
        let report = try store.check(limits: limits, at: nowMilliseconds(), where: choice.includes)
        let all = report.found.flatMap { found in found.verdicts.map { (key: found.key, verdict: $0) } }
        let faults = all.filter { $0.verdict.kind.isFault }.count
        if json {
            let counts = BarVerdict.Kind.allCases.compactMap { kind -> JSONValue.Member? in
                let count = all.filter { $0.verdict.kind == kind }.count
                return count > 0 ? .init(key: kind.rawValue, value: JSONValue(count)) : nil
            }
            printJSON([
                "store": .string(path), "series": JSONValue(report.series), "bars": JSONValue(report.bars),
                "faults": JSONValue(faults), "counts": .object(counts),
                "verdicts": .array(all.map { Self.json($0.key, $0.verdict) }),
            ])
        } else {
            print(
                "\(path): \(counted(report.bars, "bar")) of \(report.series) series, \(counted(faults, "fault")), \(counted(all.count, "verdict"))"
            )
            for kind in BarVerdict.Kind.allCases {
                let some = all.filter { $0.verdict.kind == kind }
                guard !some.isEmpty else { continue }
                print("\(kind.isFault ? "FAULT  " : "")\(some.count) × \(kind.words) (\(kind.rawValue))")
                for one in some.prefix(shown) {
                    let time = one.verdict.start.map { " " + barTimeText($0, minutes: one.key.minutes) } ?? ""
                    print("    \(one.key.symbol) \(one.key.timeframe)\(time): \(one.verdict.detail)")
                }
                if some.count > shown { print("    … and \(some.count - shown) more; --show N shows them") }
            }
        }
        return faults == 0 ? .done : .failed
    }

    private static func json(_ key: SeriesKey, _ verdict: BarVerdict) -> JSONValue {
        .object(present: [
            "symbol": .string(key.symbol), "timeframe": .string(key.timeframe),
            "adjustment": .string(key.adjustment.rawValue), "feed": .string(key.feed),
            "start": verdict.start.map { .string(barTimeText($0, minutes: key.minutes)) },
            "kind": .string(verdict.kind.rawValue), "detail": .string(verdict.detail),
        ])
    }
}
