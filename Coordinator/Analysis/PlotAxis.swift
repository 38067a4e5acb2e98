import Glibc
import Samplers

/// One parameter, or an objective, as an axis of a picture: where values lie on it, from 0 to 1.
package struct PlotAxis: Sendable, Equatable {
    package let name: String
    package let low: Double
    package let high: Double
    package let isLog: Bool
    /// Choices of a categorical parameter, each in the middle of an equal part; 0 for a number.
    package let choices: Int

    package init(name: String, low: Double, high: Double, isLog: Bool = false, choices: Int = 0) {
        self.name = name
        self.low = low
        self.high = high
        self.isLog = isLog && low > 0
        self.choices = choices
    }

    /// The axis of a parameter over every range that trials drew it from; nil when no trial has it.
    package init?(_ name: String, in trials: [AnalysisTrial]) {
        let distributions = trials.compactMap { $0.distribution(of: name) }
        guard !distributions.isEmpty else { return nil }
        var (low, high, choices, isLog) = (Double.infinity, -Double.infinity, 0, false)
        for distribution in distributions {
            switch distribution {
            case .categorical(let count): choices = max(choices, count)
            case .float(let from, _, _, let log):
                isLog = log
                low = min(low, from)
            case .int(let from, _, _, let log):
                isLog = log
                low = min(low, Double(from))
            }
            high = max(high, distribution.lastValue)
        }
        self.init(name: name, low: choices > 0 ? 0 : low, high: high, isLog: isLog, choices: choices)
    }

    /// The axis of some finite values; nil when there are none.
    package init?(_ name: String, of values: [Double]) {
        let finite = values.filter(\.isFinite)
        guard let low = finite.min(), let high = finite.max() else { return nil }
        self.init(name: name, low: low, high: high)
    }

    /// 0…1 from low to high; 0.5 when there is only one value. Not cut off at the ends.
    package func position(of value: Double) -> Double {
        if choices > 0 { return (value + 0.5) / Double(choices) }
        guard high > low else { return 0.5 }
        if isLog { return (log(value) - log(low)) / (log(high) - log(low)) }
        // Halves first where the whole is more than a double holds.
        guard (high - low).isFinite else { return (value / 2 - low / 2) / (high / 2 - low / 2) }
        return (value - low) / (high - low)
    }

    /// The value at a position.
    package func value(at position: Double) -> Double {
        if choices > 0 { return min(max((position * Double(choices)).rounded(.down), 0), Double(choices - 1)) }
        if isLog { return exp(log(low) + position * (log(high) - log(low))) }
        guard (high - low).isFinite else { return low * (1 - position) + high * position }
        return low + position * (high - low)
    }

    /// Round values to write on the axis, ascending, about `count` of them: tenths, fifths or halves of a power of ten;
    /// powers of ten on a log axis that spans enough of them; every choice.
    package func ticks(_ count: Int = 5) -> [Double] {
        if choices > 0 { return (0..<choices).map(Double.init) }
        guard high > low, count > 0 else { return [low] }
        if isLog {
            let (first, last) = (Int(ceil(log10(low) - 1e-9)), Int(floor(log10(high) + 1e-9)))
            if last - first >= 1 {
                let every = max(1, (last - first + count - 1) / count)
                return stride(from: first, through: last, by: every).map { pow(10, Double($0)) }
            }
        }
        let rough = (high - low) / Double(count)
        let power = pow(10, floor(log10(rough)))
        // At the ends of what a double can be there are no round values between.
        guard rough.isFinite, power.isNormal else { return [low, high] }
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
        let (first, last) = (Int(ceil(low / step - 1e-9)), Int(floor(high / step + 1e-9)))
        guard first <= last else { return [low, high] }
        return (first...last).map { power < 1 ? Double($0) * (step / power) / rint(1 / power) : Double($0) * step }
    }
}
