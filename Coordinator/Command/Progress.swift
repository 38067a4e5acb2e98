import Foundation
import Glibc
import Messages

/// How far something is, shown on standard error: a bar with rate and time left on a terminal, a line every 10 s
/// otherwise.
final class Progress {
    private let isTerminal: Bool
    private let columns: () -> Int
    private let output: (String) -> Void
    private var meter = ProgressMeter()
    private var shownAt: ContinuousClock.Instant?
    private var shownLabel = ""
    private var isBarShown = false

    private static let redrawEvery: Duration = .milliseconds(100)
    private static let lineEvery: Duration = .seconds(10)

    /// - Parameters: columns: the terminal's width now. output: where the bytes go.
    init(
        isTerminal: Bool = isatty(2) == 1, columns: @escaping () -> Int = { terminalSize(of: 2).columns },
        output: @escaping (String) -> Void = { text in
            let bytes = Array(text.utf8)
            _ = unsafe write(2, bytes, bytes.count)
        }
    ) {
        self.isTerminal = isTerminal
        self.columns = columns
        self.output = output
    }
    deinit { end() }

    /// Shows the current stage of a job's plan, its best score so far, and its budget.
    func show(_ plan: PlanStatus, budget: BudgetStatus?, at now: ContinuousClock.Instant = .now) {
        guard let stage = plan.stages.last else { return }
        var notes: [String] = []
        if let incumbent = plan.incumbent { notes.append("best \(fixed(incumbent, 2))") }
        if let bound = plan.bound { notes.append("bound \(fixed(bound, 2))") }
        if let budget, budget.wallMilliseconds > 0 {
            let left = budget.wallMilliseconds - min(budget.wallMilliseconds, budget.elapsedMilliseconds)
            notes.append("budget \(clockTime(seconds: Double(left) / 1000)) left")
        }
        let label = plan.stages.count > 1 ? "\(plan.stages.count). \(stage.name)" : stage.name
        show(
            label, done: stage.done, total: stage.total, unit: stage.unit, note: notes.joined(separator: ", "), at: now)
    }

    /// - Parameters: total: in `unit`, 0 when it is not known. note: more to say, last.
    func show(
        _ label: String, done: UInt64, total: UInt64, unit: String, note: String = "",
        at now: ContinuousClock.Instant = .now
    ) {
        meter.add(label, done: done, at: now)
        let isNewStage = label != shownLabel
        if let shownAt, !isNewStage, now - shownAt < (isTerminal ? Self.redrawEvery : Self.lineEvery) { return }
        shownAt = now
        shownLabel = label
        let line = ProgressLine(
            label: label, done: done, total: total, unit: unit, rate: meter.rate, note: note)
        if isTerminal {
            output("\r\u{1B}[K" + line.bar(columns: max(columns() - 1, 10)))
            isBarShown = true
        } else {
            output(line.plain + "\n")
        }
    }

    /// Takes the bar away, so that something else can be printed. Showing again brings it back.
    func end() {
        if isBarShown { output("\r\u{1B}[K") }
        isBarShown = false
        shownAt = nil
    }
}

/// Units a second over the last 10 s of one stage. Pure: the caller brings the time.
struct ProgressMeter {
    private var label = ""
    private var samples: [(at: ContinuousClock.Instant, done: UInt64)] = []
    private static let window: Duration = .seconds(10)

    mutating func add(_ label: String, done: UInt64, at now: ContinuousClock.Instant) {
        if label != self.label || done < samples.last?.done ?? 0 {
            samples = []
            self.label = label
        }
        // A few samples a second are enough for a rate; the newest always counts.
        if samples.count > 1, now - samples[samples.count - 2].at < .milliseconds(250) { samples.removeLast() }
        samples.append((now, done))
        while samples.count > 2, now - samples[1].at >= Self.window { samples.removeFirst() }
    }

    /// Nil until there are two moments to compare.
    var rate: Double? {
        guard let first = samples.first, let last = samples.last, last.at > first.at else { return nil }
        return Double(last.done - first.done) / ((last.at - first.at) / .seconds(1))
    }
}

/// One state of one stage, in words.
struct ProgressLine {
    var label: String
    var done: UInt64, total: UInt64
    var unit: String
    var rate: Double?
    var note: String

    /// For logs: everything, as wide as it gets.
    var plain: String { ([label + ":"] + figures).joined(separator: " ") }

    /// For a terminal: a bar in what room the words leave, never wider than `columns`.
    func bar(columns: Int) -> String {
        let words = figures.joined(separator: " ")
        let room = columns - label.count - words.count - 4
        guard total > 0, room >= 8 else { return String("\(label) \(words)".prefix(columns)) }
        let cells = min(room, 30)
        let filled = Int(Double(cells) * share)
        return "\(label) [" + String(repeating: "#", count: filled) + String(repeating: "·", count: cells - filled)
            + "] \(words)"
    }

    private var share: Double { total > 0 ? min(1, Double(done) / Double(total)) : 0 }

    /// Rounded down: 100 means all of it.
    var percent: Int { Int(share * 100) }

    private var figures: [String] {
        var figures: [String] = []
        if total > 0 {
            figures.append("\(percent)%")
            figures.append("\(short(done))/\(short(total)) \(unit)")
        } else {
            figures.append("\(short(done)) \(unit)")
        }
        if let rate, done < total || total == 0 {
            figures.append("\(short(rate))/s")
            if total > done, rate > 0 { figures.append("ETA \(clockTime(seconds: Double(total - done) / rate))") }
        }
        if !note.isEmpty { figures.append("(\(note))") }
        return figures
    }
}
