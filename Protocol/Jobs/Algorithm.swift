import Market
import Messages

/// The ten trading algorithms of DESIGN §5.2, in the order that groups list their members.
package enum Algorithm: UInt8, CaseIterable, Sendable, Comparable {
    case macd, ema, rsi, breakout, adx, volatility, sma, bollinger, emaMACD, rsiBollinger

    /// The name of its tables and identifiers: `ema_macd`.
    package var name: String {
        switch self {
        case .emaMACD: "ema_macd"
        case .rsiBollinger: "rsi_bollinger"
        default: "\(self)"
        }
    }
    package static func < (a: Algorithm, b: Algorithm) -> Bool { a.rawValue < b.rawValue }

    /// One parameter as a grid: option i of a number is (lowTenths + i · stepTenths) / 10.
    package struct Parameter: Sendable, Equatable {
        package enum Options: Sendable, Equatable {
            /// Tenths, so that 0.1 steps are exact: value i = Double(low + i·step) / 10, the double nearest the decimal.
            case tenths(low: Int, high: Int, step: Int)
            case choices([String])
        }
        package var name: String
        package var options: Options
        package var optionCount: Int {
            switch options {
            case .tenths(let low, let high, let step): (high - low) / step + 1
            case .choices(let names): names.count
            }
        }
        package var isCategorical: Bool { if case .choices = options { true } else { false } }
        /// The number that option `option` stands for; the option itself for a choice.
        package func value(of option: UInt8) -> Double {
            switch options {
            case .tenths(let low, _, let step): Double(low + Int(option) * step) / 10
            case .choices: Double(option)
            }
        }
        fileprivate static func integer(_ name: String, _ range: ClosedRange<Int>) -> Parameter {
            Parameter(name: name, options: .tenths(low: range.lowerBound * 10, high: range.upperBound * 10, step: 10))
        }
        fileprivate static func tenths(_ name: String, _ range: ClosedRange<Int>) -> Parameter {
            Parameter(name: name, options: .tenths(low: range.lowerBound, high: range.upperBound, step: 1))
        }
        fileprivate static func choice(_ name: String, _ names: [String]) -> Parameter {
            Parameter(name: name, options: .choices(names))
        }
    }

    /// Its own parameters, then the four that every algorithm has: lookback, volume, volume_multiple, volume_period.
    package var parameters: [Parameter] { Self.table[Int(rawValue)] }
    package func position(of parameter: String) -> Int? { parameters.firstIndex { $0.name == parameter } }

    private static let table: [[Parameter]] = Algorithm.allCases.map { algorithm in
        let macd: [Parameter] = [.integer("fast", 3...12), .integer("slow", 6...21), .integer("signal", 3...9)]
        let crossing: [Parameter] = [
            .integer("fast", 2...10), .integer("slow", 4...25), .tenths("gap_pct", -20...20),
            .choice("mode", ["above", "cross"]),
        ]
        let own: [Parameter]
        switch algorithm {
        case .macd: own = macd + [.choice("mode", ["above", "cross"])]
        case .ema, .sma: own = crossing
        case .rsi:
            own = [
                .integer("period", 2...14), .integer("level", 20...80), .choice("mode", ["below", "above", "exit"]),
            ]
        case .breakout:
            own = [.integer("period", 2...20), .tenths("buffer_pct", -40...20), .choice("source", ["high", "close"])]
        case .adx:
            own = [.integer("period", 2...11), .integer("threshold", 10...60), .choice("direction", ["any", "up"])]
        case .volatility:
            own = [
                .integer("period", 2...14), .tenths("natr_low", 2...50), .tenths("natr_width", 2...60),
                .tenths("trend_pct", -50...50),
            ]
        case .bollinger:
            own = [
                .integer("period", 4...20), .tenths("k", 5...25), .choice("mode", ["below", "above", "reenter"]),
            ]
        case .emaMACD: own = [.integer("ema", 3...20)] + macd
        case .rsiBollinger:
            own = [
                .integer("rsi_period", 2...14), .integer("level", 20...80), .integer("bb_period", 4...20),
                .tenths("k", -25...25),
            ]
        }
        return own + [
            .integer("lookback", 1...8), .choice("volume", ["none", "confirm"]), .tenths("volume_multiple", 8...20),
            .integer("volume_period", 5...20),
        ]
    }
}

/// One setting of one algorithm's parameters: an option number per parameter, in `algorithm.parameters` order.
package struct Variation: Hashable, Sendable {
    package var algorithm: Algorithm
    package var options: [UInt8]
    package init(_ algorithm: Algorithm, _ options: [UInt8]) {
        precondition(options.count == algorithm.parameters.count, "one option a parameter")
        self.algorithm = algorithm
        self.options = options
    }

    /// The number a parameter stands at; for a choice its position in the list. Traps on an unknown name.
    package func value(_ parameter: String) -> Double {
        guard let at = algorithm.position(of: parameter) else {
            preconditionFailure("\(algorithm.name) has no parameter \(parameter)")
        }
        return algorithm.parameters[at].value(of: options[at])
    }
    package func integer(_ parameter: String) -> Int { Int(value(parameter)) }
    package var confirmsVolume: Bool { integer("volume") == 1 }

    /// DESIGN §5.2's constraints between parameters, in windows of 31 bars.
    package var isFeasible: Bool { isFeasible(windowBars: Universe.windowBars) }

    /// The same in windows of another length: where §5.2 says 31 − lookback, `windowBars` − lookback.
    package func isFeasible(windowBars: Int) -> Bool {
        let lookback = integer("lookback")
        switch algorithm {
        case .macd, .emaMACD:
            return value("fast") < value("slow") && integer("slow") + integer("signal") <= windowBars - lookback
        case .ema, .sma: return value("fast") < value("slow")
        case .adx: return 2 * integer("period") <= windowBars - lookback
        case .rsi, .breakout, .volatility, .bollinger, .rsiBollinger: return true
        }
    }

    /// The same variation with the parameters it ignores at option 0: two variations are duplicates when these agree.
    package var canonical: Variation {
        guard !confirmsVolume else { return self }
        var same = self
        for name in ["volume_multiple", "volume_period"] {
            if let at = algorithm.position(of: name) { same.options[at] = 0 }
        }
        return same
    }
}

extension Variation: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integer(algorithm.rawValue)
        writer.blob(options)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        let code: UInt8 = try reader.integer()
        guard let algorithm = Algorithm(rawValue: code) else { throw WireError("there is no algorithm \(code)") }
        let options = try reader.blob()
        guard options.count == algorithm.parameters.count,
            zip(options, algorithm.parameters).allSatisfy({ Int($0) < $1.optionCount })
        else { throw WireError("options that \(algorithm.name) does not have") }
        self.init(algorithm, options)
    }
}
