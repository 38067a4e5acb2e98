import Market
import Messages

extension ThreeStages {
    /// A stage as its trials carry it.
    package struct Part: Sendable, Equatable {
        package var stage: Stage
        package var symbols: [String]
        package var window: Window
        package var objective: TradingObjective
        package var rules: TradingRules
        package init(
            stage: Stage, symbols: [String], window: Window, objective: TradingObjective = TradingObjective(),
            rules: TradingRules = TradingRules()
        ) {
            self.stage = stage
            self.symbols = symbols
            self.window = window
            self.objective = objective
            self.rules = rules
        }

        /// What a command's arguments may name in braces, and its environment has in capitals.
        package var placeholders: [(name: String, value: String)] {
            [
                ("stage", stage.name), ("stage.symbols", symbols.joined(separator: ",")),
                ("stage.first", MarketDate.text(window.first)), ("stage.last", MarketDate.text(window.last)),
            ]
        }
    }
}

// How they travel.

extension ThreeStages.Stage: Wire {
    package func write(to writer: inout WireWriter) { writer.integer(UInt8(rawValue)) }
    package init(from reader: inout WireReader) throws(WireError) {
        let code: UInt8 = try reader.integer()
        guard let stage = Self(rawValue: Int(code)) else { throw WireError("there is no stage \(code)") }
        self = stage
    }
}

extension ThreeStages.Window: Wire {
    package func write(to writer: inout WireWriter) { writer.integers([first, last]) }
    package init(from reader: inout WireReader) throws(WireError) {
        let days = try reader.integers(of: Int32.self)
        guard days.count == 2 else { throw WireError("a window of \(days.count) days") }
        self.init(days[0], days[1])
    }
}

extension ThreeStages.Setting: Wire {
    package func write(to writer: inout WireWriter) {
        writer.array(symbols)
        writer.value(window)
        writer.integer(UInt32(trials))
        writer.integer(UInt32(promoted))
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            symbols: try reader.array(), window: try reader.value(), trials: Int(try reader.integer(UInt32.self)),
            promoted: Int(try reader.integer(UInt32.self)))
    }
}

extension TradingObjective: Wire {
    package func write(to writer: inout WireWriter) { writer.doubles([drawdownWeight, rejectWeight, turnoverWeight]) }
    package init(from reader: inout WireReader) throws(WireError) {
        let weights = try reader.doubles()
        guard weights.count == 3 else { throw WireError("an objective of \(weights.count) weights") }
        self.init(drawdownWeight: weights[0], rejectWeight: weights[1], turnoverWeight: weights[2])
    }
}

extension TradingRules: Wire {
    package func write(to writer: inout WireWriter) { writer.doubles([capital, costBasisPoints, collarPercent]) }
    package init(from reader: inout WireReader) throws(WireError) {
        let numbers = try reader.doubles()
        guard numbers.count == 3 else { throw WireError("trading rules of \(numbers.count) numbers") }
        self.init(capital: numbers[0], costBasisPoints: numbers[1], collarPercent: numbers[2])
    }
}

extension ThreeStages.Part: Wire {
    package func write(to writer: inout WireWriter) {
        writer.value(stage)
        writer.array(symbols)
        writer.value(window)
        writer.value(objective)
        writer.value(rules)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            stage: try reader.value(), symbols: try reader.array(), window: try reader.value(),
            objective: try reader.value(), rules: try reader.value())
    }
}

extension ThreeStages: Wire {
    package func write(to writer: inout WireWriter) {
        for stage in Stage.allCases { writer.value(self[stage]) }
        writer.value(objective)
        writer.value(rules)
        writer.double(floor)
        writer.integer(Int64(gapDays))
    }
    package init(from reader: inout WireReader) throws(WireError) {
        let settings: [Setting] = [try reader.value(), try reader.value(), try reader.value()]
        let objective: TradingObjective = try reader.value()
        let rules: TradingRules = try reader.value()
        let (floor, gap) = (try reader.double(), try reader.integer(Int64.self))
        do throws(JobError) {
            try self.init(
                coarse: settings[0], refine: settings[1], forward: settings[2], objective: objective, rules: rules,
                floor: floor, gapDays: Int(gap))
        } catch { throw WireError("three stages of which \(error.description)") }
    }
}
