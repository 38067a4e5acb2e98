import Jobs
import Market
import Messages

/// The bars that charts or labels are made of, as words name them: `--daily FILE`, `--store FILE` or `--minutes PATH…`.
struct NamedBars {
    private let daily: String?
    private let stored: StoredBars?
    private var minutes: [String] = []

    /// - Parameter purpose: what for, as `to draw`.
    init(_ arguments: inout Arguments, _ purpose: String) throws {
        daily = try arguments.value("--daily").map(absolute)
        while let path = try arguments.firstValue("--minutes") { minutes.append(absolute(path)) }
        stored = try StoredBars(&arguments)
        guard (daily == nil ? 0 : 1) + (minutes.isEmpty ? 0 : 1) + (stored == nil ? 0 : 1) == 1 else {
            throw UsageError(
                "give the bars \(purpose) with --daily FILE, --store FILE or --minutes PATH, one of the three.")
        }
    }

    var areDaily: Bool { minutes.isEmpty }

    /// Timeframes, ascending, that can be made of them; nil: their own.
    func timeframes(_ wanted: [Timeframe]?) throws(UsageError) -> [Timeframe] {
        let finest: Timeframe = areDaily ? .day1 : .minute1
        let timeframes = wanted ?? [finest]
        guard timeframes[0] >= finest else {
            throw UsageError("daily bars cannot be made into \(timeframes[0].name); give --minutes for that.")
        }
        return timeframes
    }

    func read() throws -> RenderInput {
        var input = RenderInput()
        if let daily { try input.readDaily(daily) }
        if let stored { try input.readStore(stored.path, stored.adjustment, stored.feed) }
        for path in minutes { try input.readMinutes(path) }
        return input
    }
}
