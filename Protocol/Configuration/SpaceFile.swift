import Foundation
import Jobs

/// A study's space as people write it: YAML, or the same as JSON.
///
///     parameters:
///       lr:       {type: float, low: 1.0e-5, high: 1.0e-1, log: true}
///       opt:      {type: categorical, choices: [sgd, adam, lion]}
///       momentum: {type: float, low: 0.0, high: 0.99, when: {opt: sgd}}
package enum SpaceFile {
    private static let kinds = ["float", "int", "categorical"]
    /// Parameters of one space, at most: a trial carries them all.
    private static let maximumParameters = 1000

    package static func read(_ path: String) throws(ConfigurationError) -> [StudyParameter] {
        // By a handle: a pipe, as a shell's <(…), has no contents for a file manager.
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() ?? Data() else {
            throw ConfigurationError("\(path): the file cannot be read; give the path of a space with --space")
        }
        return try parse([UInt8](data), file: URL(fileURLWithPath: path).lastPathComponent)
    }

    /// - Parameter file: the name that errors begin with.
    package static func parse(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> [StudyParameter] {
        let document: YAML?
        do throws(YAMLError) { document = try YAML.parse(bytes) } catch {
            throw ConfigurationError("\(file):\(error.line): \(error.message).")
        }
        guard case .mapping(let top, _)? = document, top.count == 1, top[0].key == "parameters",
            case .mapping(let pairs, _) = top[0].value, !pairs.isEmpty
        else {
            throw ConfigurationError(
                "\(file):\(document?.line ?? 1): a space begins with `parameters:` and names at least one below it.")
        }
        guard pairs.count <= maximumParameters else {
            throw ConfigurationError("\(file):1: \(pairs.count) parameters; \(maximumParameters) are the most.")
        }
        var parameters: [StudyParameter] = []
        for pair in pairs {
            let entry = try Entry(pair, file)
            parameters.append(try entry.parameter(after: parameters, all: pairs.map(\.key)))
        }
        return parameters
    }

    /// One parameter's lines.
    private struct Entry {
        let name: String, file: String
        let line: Int
        private var fields: [YAML.Pair]

        init(_ pair: YAML.Pair, _ file: String) throws(ConfigurationError) {
            name = pair.key
            self.file = file
            line = pair.line
            guard case .mapping(let fields, _) = pair.value else {
                throw ConfigurationError(
                    "\(file):\(pair.line): parameter \(pair.key) is \(pair.value.words); give {type: …, …}.")
            }
            guard !pair.key.isEmpty, pair.key.utf8.count <= 512 else {
                throw ConfigurationError("\(file):\(pair.line): a parameter's name has 1 to 512 letters.")
            }
            self.fields = fields
        }

        private func wrong(_ words: String, at line: Int? = nil) -> ConfigurationError {
            ConfigurationError("\(file):\(line ?? self.line): parameter \(name): \(words)")
        }
        private func field(_ key: String) -> YAML.Pair? { fields.first { $0.key == key } }

        func parameter(after earlier: [StudyParameter], all: [String]) throws(ConfigurationError) -> StudyParameter {
            let type = field("type").flatMap { Self.scalar($0.value) } ?? ""
            let known: [String]
            let kind: StudyParameter.Kind
            switch type {
            case "float":
                known = ["type", "low", "high", "step", "log", "when"]
                kind = try float()
            case "int":
                known = ["type", "low", "high", "step", "log", "when"]
                kind = try int()
            case "categorical":
                known = ["type", "choices", "when"]
                kind = try categorical()
            default:
                throw wrong(
                    "its type is \(type.isEmpty ? "missing" : Value.shortened(type)); give "
                        + SpaceFile.kinds.joined(separator: ", ") + ".", at: field("type")?.line)
            }
            if let stranger = fields.first(where: { !known.contains($0.key) }) {
                throw wrong(
                    "\(Value.shortened(stranger.key)) means nothing for \(type); it takes "
                        + known.joined(separator: ", ") + ".", at: stranger.line)
            }
            return StudyParameter(name, kind, when: try conditions(after: earlier, all: all))
        }

        // MARK: - Kinds

        private func float() throws(ConfigurationError) -> StudyParameter.Kind {
            let (low, high) = (try number("low"), try number("high"))
            let step = try field("step") == nil ? nil : number("step")
            let log = try flag("log")
            guard low <= high else { throw wrong("low \(low) is above high \(high).", at: field("low")?.line) }
            if let step, step <= 0 { throw wrong("step \(step); give one above 0.", at: field("step")?.line) }
            if log, step != nil { throw wrong("log and step exclude each other.", at: field("step")?.line) }
            if log, low <= 0 {
                throw wrong("log with low \(low); a logarithm wants low above 0.", at: field("low")?.line)
            }
            return .float(low: low, high: high, step: step, log: log)
        }

        private func int() throws(ConfigurationError) -> StudyParameter.Kind {
            let (low, high) = (try integer("low"), try integer("high"))
            let step = try field("step") == nil ? 1 : integer("step")
            let log = try flag("log")
            guard low <= high else { throw wrong("low \(low) is above high \(high).", at: field("low")?.line) }
            guard step > 0 else { throw wrong("step \(step); give one above 0.", at: field("step")?.line) }
            if log, step != 1 { throw wrong("log and step exclude each other.", at: field("step")?.line) }
            if log, low < 1 {
                throw wrong(
                    "log with low \(low); a logarithm of integers wants low of 1 or more.", at: field("low")?.line)
            }
            return .int(low: low, high: high, step: step, log: log)
        }

        private func categorical() throws(ConfigurationError) -> StudyParameter.Kind {
            guard let pair = field("choices"), case .sequence(let items, _) = pair.value, !items.isEmpty else {
                throw wrong("it has no choices; give a list, as [sgd, adam].", at: field("choices")?.line)
            }
            var choices: [ParameterValue] = []
            for item in items {
                let choice = try value(item)
                guard !choices.contains(choice) else {
                    throw wrong("the choice \(choice.text) is named twice; name each once.", at: item.line)
                }
                choices.append(choice)
            }
            return .categorical(choices)
        }

        private func conditions(after earlier: [StudyParameter], all: [String]) throws(ConfigurationError)
            -> [StudyParameter.Condition]
        {
            guard let when = field("when") else { return [] }
            guard case .mapping(let pairs, _) = when.value, !pairs.isEmpty else {
                throw wrong("`when` is \(when.value.words); give {parent: value} or {parent: [values]}.", at: when.line)
            }
            var conditions: [StudyParameter.Condition] = []
            for pair in pairs {
                guard let parent = earlier.first(where: { $0.name == pair.key }) else {
                    throw wrong(
                        pair.key == name
                            ? "its condition is on itself; name a parameter written before it."
                            : all.contains(pair.key)
                                ? "its condition is on \(pair.key), which comes later; write \(pair.key) first."
                                : "its condition is on \(Value.shortened(pair.key)), which is no parameter; there are "
                                    + all.joined(separator: ", ") + ".", at: pair.line)
                }
                var values: [ParameterValue] = []
                if case .sequence(let items, _) = pair.value {
                    for item in items { values.append(try value(item)) }
                } else {
                    values = [try value(pair.value)]
                }
                for value in values where parent.stored(value) == nil || !parent.allows(value) {
                    throw wrong("\(pair.key) is never \(value.text).", at: pair.line)
                }
                guard !values.isEmpty else {
                    throw wrong("its condition on \(pair.key) names no value.", at: pair.line)
                }
                conditions.append(StudyParameter.Condition(parent: pair.key, values: values))
            }
            return conditions
        }

        // MARK: - Scalars

        private static func scalar(_ yaml: YAML) -> String? {
            if case .scalar(let text, _, _) = yaml { text } else { nil }
        }

        private func number(_ key: String) throws(ConfigurationError) -> Double {
            guard let pair = field(key) else { throw wrong("\(key) is missing.") }
            guard let number = Self.scalar(pair.value).flatMap({ Double($0) }), number.isFinite else {
                throw wrong("\(key) is \(pair.value.words); give a number.", at: pair.line)
            }
            return number
        }
        private func integer(_ key: String) throws(ConfigurationError) -> Int64 {
            guard let pair = field(key) else { throw wrong("\(key) is missing.") }
            // Beyond 2^53 a double, as which values travel, no longer tells neighbours apart.
            guard let number = Self.scalar(pair.value).flatMap({ Int64($0) }), number.magnitude <= 1 << 53 else {
                throw wrong("\(key) is \(pair.value.words); give a whole number between ±2^53.", at: pair.line)
            }
            return number
        }
        private func flag(_ key: String) throws(ConfigurationError) -> Bool {
            guard let pair = field(key) else { return false }
            switch Self.scalar(pair.value) {
            case "true": return true
            case "false": return false
            default: throw wrong("\(key) is \(pair.value.words); give true or false.", at: pair.line)
            }
        }
        private func value(_ yaml: YAML) throws(ConfigurationError) -> ParameterValue {
            guard case .scalar(let text, _, let isQuoted) = yaml else {
                throw wrong("a choice is \(yaml.words); give texts, numbers, true, false or null.", at: yaml.line)
            }
            return isQuoted ? .string(text) : ParameterValue(plain: text)
        }
    }
}

extension ParameterValue {
    /// What an unquoted word means in YAML: null, a truth value, a number, or else a text.
    package init(plain text: String) {
        switch text {
        case "null", "~", "": self = .null
        case "true": self = .bool(true)
        case "false": self = .bool(false)
        default:
            let isNumeric = text.utf8.first.map { ("+-.".utf8).contains($0) || (48...57).contains($0) } ?? false
            if let integer = Int64(text) {
                self = .int(integer)
            } else if isNumeric, !text.hasPrefix("0x"), let number = Double(text), number.isFinite {
                self = .float(number)
            } else {
                self = .string(text)
            }
        }
    }
}

extension StudyParameter {
    /// Whether a trial may ever have this value.
    package func allows(_ value: ParameterValue) -> Bool {
        guard let stored = stored(value) else { return false }
        switch kind {
        case .categorical: return true
        case .float(let low, let high, _, _): return low <= stored && stored <= high
        case .int(let low, let high, let step, _):
            return Double(low) <= stored && stored <= Double(high)
                && (Int64(stored) - low) % step == 0
        }
    }
}
