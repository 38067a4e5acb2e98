import Glibc

/// The values one parameter may take. Values travel as doubles: a number as itself, a choice as its position.
package enum Distribution: Equatable, Sendable {
    /// low…high, in steps of `step` from low when given (then not log).
    case float(low: Double, high: Double, step: Double? = nil, log: Bool = false)
    /// low…high in steps of `step` from low; log only with step 1 and low ≥ 1.
    case int(low: Int, high: Int, step: Int = 1, log: Bool = false)
    /// 0 ..< choices.
    case categorical(choices: Int)
}

/// A distribution as the estimators compute with it.
struct Axis: Equatable, Sendable {
    /// Choices of a categorical axis; 0 for a number.
    let choices: Int
    /// Bounds in the parameter's unit, `high` lowered to the last step that is reached.
    let low: Double, high: Double
    /// 0 for a continuous axis.
    let step: Double
    let isLog: Bool
    /// What the kernels are truncated to: half a step wider than the bounds, in logarithms for a log axis.
    let domainLow: Double, domainHigh: Double
    let isSingle: Bool
    let isInteger: Bool

    init(_ distribution: Distribution) {
        switch distribution {
        case .categorical(let choices):
            precondition(choices > 0, "a categorical parameter has at least one choice")
            self.choices = choices
            (low, high, step) = (0, Double(choices - 1), 0)
            (isLog, isInteger) = (false, false)
            isSingle = choices == 1
        case .int(let low, let high, let step, let log):
            precondition(low <= high && step >= 1, "an integer parameter has low ≤ high and a step of at least 1")
            precondition(!log || (low >= 1 && step == 1), "a log integer parameter starts at 1 or more, with step 1")
            choices = 0
            self.low = Double(low)
            self.high = Double(high - (high - low) % step)
            self.step = Double(step)
            (isLog, isInteger) = (log, true)
            isSingle = log ? low == high : high - low < step
        case .float(let low, let high, let step, let log):
            precondition(low <= high && (step ?? 1) > 0, "a float parameter has low ≤ high and a positive step")
            precondition(!log || (low > 0 && step == nil), "a log float parameter starts above 0 and has no step")
            choices = 0
            self.low = low
            self.high = step.map { lastStep(from: low, to: high, by: $0) } ?? high
            self.step = step ?? 0
            (isLog, isInteger) = (log, false)
            isSingle = low == self.high
        }
        let (bottom, top) = (low - step / 2, high + step / 2)
        (domainLow, domainHigh) = isLog ? (Glibc.log(bottom), Glibc.log(top)) : (bottom, top)
    }

    var isCategorical: Bool { choices > 0 }

    /// Whether a value belongs to the axis; a sampled float may lie an ulp outside.
    func contains(_ value: Double) -> Bool {
        if isCategorical { return value >= 0 && value < Double(choices) }
        guard low <= value && value <= high else { return false }
        if isInteger { return (value - low).truncatingRemainder(dividingBy: step) == 0 }
        if step == 0 { return true }
        let steps = (value - low) / step
        return abs(steps - rint(steps)) < 1e-8
    }
}

/// The last value ≤ high that is low plus whole steps, in decimal arithmetic on the shortest decimals of the three.
private func lastStep(from low: Double, to high: Double, by step: Double) -> Double {
    guard let a = Decimals(low), let b = Decimals(high), let c = Decimals(step) else {
        return low + ((high - low) / step).rounded(.down) * step
    }
    let exponent = min(a.exponent, b.exponent, c.exponent)
    guard let from = a.units(at: exponent), let to = b.units(at: exponent), let by = c.units(at: exponent) else {
        return low + ((high - low) / step).rounded(.down) * step
    }
    let rest = (to - from) % by
    return rest == 0 ? high : Decimals(digits: to - rest, exponent: exponent).double
}

/// digits · 10^exponent, read from the shortest text that names a double.
private struct Decimals {
    var digits: Int
    var exponent: Int
    init(digits: Int, exponent: Int) {
        self.digits = digits
        self.exponent = exponent
    }
    init?(_ value: Double) {
        let parts = "\(value)".split(separator: "e")
        guard let mantissa = parts.first else { return nil }
        let scale = parts.count == 2 ? Int(parts[1]) : 0
        let halves = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = halves.count == 2 && halves[1] != "0" ? String(halves[1]) : ""
        guard let scale, let digits = Int(String(halves[0]) + fraction) else { return nil }
        self.init(digits: digits, exponent: scale - fraction.utf8.count)
    }
    func units(at lower: Int) -> Int? {
        guard exponent - lower <= 18 else { return nil }
        var result = digits
        for _ in 0..<(exponent - lower) {
            let (next, overflow) = result.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            result = next
        }
        return result
    }
    var double: Double { Double("\(digits)e\(exponent)") ?? .nan }
}
