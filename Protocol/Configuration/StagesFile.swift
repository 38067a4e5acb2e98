import Foundation
import Jobs
import Messages

/// The three stages of a study as people write them: YAML, or the same as JSON.
///
///     stages:
///       coarse:  {symbols: [AAPL], window: 2017-01-05..2017-01-19, trials: 200}
///       refine:  {symbols: [AAPL, MSFT], window: 2017-01-20..2017-02-16, trials: 60, promoted: 20}
///       forward: {symbols: [AAPL, MSFT, XOM], window: 2017-02-17..2017-03-31, promoted: 5}
///     weights: {drawdown: 1, reject: 0, turnover: 0}
package enum StagesFile {
    package static func read(_ path: String) throws(ConfigurationError) -> ThreeStages {
        // By a handle: a pipe, as a shell's <(…), has no contents for a file manager.
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() ?? Data() else {
            throw ConfigurationError("\(path): the file cannot be read; give the path of three stages, or auto")
        }
        return try parse([UInt8](data), file: URL(fileURLWithPath: path).lastPathComponent)
    }

    /// - Parameter file: the name that errors begin with.
    package static func parse(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> ThreeStages {
        let document: YAML?
        do throws(YAMLError) { document = try YAML.parse(bytes) } catch {
            throw ConfigurationError("\(file):\(error.line): \(error.message).")
        }
        do throws(JobError) { return try stages(in: document ?? .mapping([], line: 1), file) } catch {
            throw ConfigurationError(error.description)
        }
    }

    private static func stages(in document: YAML, _ file: String) throws(JobError) -> ThreeStages {
        let top = try Fields(document, "the file", ["stages", "weights", "trading", "floor", "gap_days"], file)
        let stages = try top.mapping("stages", ["coarse", "refine", "forward"])
        let weights = try top.optionalMapping("weights", ["drawdown", "reject", "turnover"])
        let trading = try top.optionalMapping("trading", ["capital", "cost_bps", "collar_pct"])
        let fears = TradingObjective()
        let usual = TradingRules()
        let forward = try stages.mapping("forward", ["symbols", "window", "promoted"])
        let promoted = try forward.integer("promoted", 1...ThreeStages.maximumTrials)
        let coarse = try setting(stages.mapping("coarse", ["symbols", "window", "trials"]), promoted: 0)
        let refine = try refinement(stages.mapping("refine", ["symbols", "window", "trials", "promoted"]))
        let confirm = try setting(forward, trials: promoted, promoted: promoted)
        let objective = TradingObjective(
            drawdownWeight: try weights.number("drawdown", fears.drawdownWeight),
            rejectWeight: try weights.number("reject", fears.rejectWeight),
            turnoverWeight: try weights.number("turnover", fears.turnoverWeight))
        let rules = TradingRules(
            capital: try trading.number("capital", usual.capital),
            costBasisPoints: try trading.number("cost_bps", usual.costBasisPoints),
            collarPercent: try trading.number("collar_pct", usual.collarPercent))
        let floor = try top.number("floor", 0)
        let gapDays = try top.integer("gap_days", 0...100_000, or: 0)
        do throws(JobError) {
            return try ThreeStages(
                coarse: coarse, refine: refine, forward: confirm, objective: objective, rules: rules, floor: floor,
                gapDays: gapDays)
        } catch {
            // What is wrong with one stage, or with two of them, is on the line of the first that is named.
            let line = ThreeStages.Stage.allCases.first { error.description.contains(" \($0.name)") }
                .flatMap { stages.line(of: $0.name) }
            throw JobError("\(file):\(line ?? top.line): \(error.description)")
        }
    }

    private static func refinement(_ fields: Fields) throws(JobError) -> ThreeStages.Setting {
        try setting(fields, promoted: try fields.integer("promoted", 1...ThreeStages.maximumTrials))
    }

    private static func setting(_ fields: Fields, trials known: Int? = nil, promoted: Int) throws(JobError)
        -> ThreeStages.Setting
    {
        let symbols = try fields.texts("symbols")
        guard let window = ThreeStages.Window(try fields.text("window")) else {
            throw fields.wrong("window", "give two days, both included, as 2017-01-05..2017-01-19")
        }
        let trials = try fields.integer("trials", 1...ThreeStages.maximumTrials, or: known)
        return ThreeStages.Setting(symbols: symbols, window: window, trials: trials, promoted: promoted)
    }

    /// The fields of one mapping.
    private struct Fields {
        let name: String, file: String
        let line: Int
        private let pairs: [YAML.Pair]

        init(_ yaml: YAML, _ name: String, _ known: [String], _ file: String) throws(JobError) {
            self.name = name
            self.file = file
            line = yaml.line
            guard case .mapping(let pairs, _) = yaml else {
                throw JobError(
                    "\(file):\(yaml.line): \(name) is \(yaml.words); give \(known.joined(separator: ", ")) below it.")
            }
            self.pairs = pairs
            if let stranger = pairs.first(where: { !known.contains($0.key) }) {
                throw JobError(
                    "\(file):\(stranger.line): \(Value.shortened(stranger.key)) means nothing in \(name); it takes "
                        + known.joined(separator: ", ") + ".")
            }
        }

        func line(of key: String) -> Int? { pairs.first { $0.key == key }?.line }

        func wrong(_ key: String, _ advice: String) -> JobError {
            guard let pair = pairs.first(where: { $0.key == key }) else {
                return JobError("\(file):\(line): \(name) has no \(key); \(advice).")
            }
            return JobError("\(file):\(pair.line): \(key) of \(name) is \(pair.value.words); \(advice).")
        }

        private func value(_ key: String) -> YAML? { pairs.first { $0.key == key }?.value }
        private func scalar(_ key: String) -> String? {
            if case .scalar(let text, _, _)? = value(key) { text } else { nil }
        }

        func mapping(_ key: String, _ known: [String]) throws(JobError) -> Fields {
            guard let yaml = value(key) else { throw wrong(key, "give \(known.joined(separator: ", ")) below it") }
            return try Fields(yaml, key, known, file)
        }
        func optionalMapping(_ key: String, _ known: [String]) throws(JobError) -> Fields {
            try Fields(value(key) ?? .mapping([], line: line), key, known, file)
        }
        func number(_ key: String, _ usual: Double) throws(JobError) -> Double {
            guard value(key) != nil else { return usual }
            guard let number = scalar(key).flatMap({ Double($0) }), number.isFinite else {
                throw wrong(key, "give a number")
            }
            return number
        }
        func integer(_ key: String, _ range: ClosedRange<Int>, or usual: Int? = nil) throws(JobError) -> Int {
            if value(key) == nil, let usual { return usual }
            guard let number = scalar(key).flatMap({ Int($0) }), range.contains(number) else {
                throw wrong(key, "give a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        func text(_ key: String) throws(JobError) -> String {
            guard let text = scalar(key) else { throw wrong(key, "give two days, as 2017-01-05..2017-01-19") }
            return text
        }
        func texts(_ key: String) throws(JobError) -> [String] {
            var texts: [String] = []
            if let text = scalar(key), !text.isEmpty { return [text] }
            guard case .sequence(let items, _)? = value(key), !items.isEmpty else {
                throw wrong(key, "give a list, as [AAPL, MSFT]")
            }
            for item in items {
                guard case .scalar(let text, _, _) = item else { throw wrong(key, "give a list, as [AAPL, MSFT]") }
                texts.append(text)
            }
            return texts
        }
    }
}
