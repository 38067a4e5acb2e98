import Foundation
import JSON
import Jobs

// How Optuna 5.0 writes things down; its readers from 3.2 on understand it. See facts/hpo.md §3 of the design.

extension StudyParameter {
    /// `{"name": "FloatDistribution", "attributes": {…}}`
    var optunaDistribution: JSONValue {
        switch kind {
        case .float(let low, let high, let step, let log):
            [
                "name": "FloatDistribution",
                "attributes": [
                    "step": step.map { .number($0) } ?? .null, "low": .number(low), "high": .number(high),
                    "log": .bool(log),
                ],
            ]
        case .int(let low, let high, let step, let log):
            [
                "name": "IntDistribution",
                "attributes": [
                    "log": .bool(log), "step": .integer(step), "low": .integer(low), "high": .integer(high),
                ],
            ]
        case .categorical(let choices):
            [
                "name": "CategoricalDistribution",
                "attributes": ["choices": .array(choices.map { JSONValue($0) })],
            ]
        }
    }

    /// Reads what Optuna wrote; also the short form with `type` and flat fields.
    init?(_ name: String, optuna json: JSONValue) {
        let kind = json["name"]?.string ?? json["type"]?.string ?? ""
        let fields = json["attributes"] ?? json
        let low = fields["low"]?.double
        let high = fields["high"]?.double
        let log = fields["log"]?.bool ?? false
        switch kind {
        case "FloatDistribution", "float", "UniformDistribution", "LogUniformDistribution":
            guard let low, let high else { return nil }
            self.init(
                name, .float(low: low, high: high, step: fields["step"]?.double, log: log || kind.hasPrefix("Log")))
        case "IntDistribution", "int", "IntUniformDistribution", "IntLogUniformDistribution":
            guard let low = low.flatMap({ Int64(exactly: $0) }), let high = high.flatMap({ Int64(exactly: $0) }) else {
                return nil
            }
            let step = fields["step"]?.double.flatMap { Int64(exactly: $0) } ?? 1
            self.init(name, .int(low: low, high: high, step: step, log: log || kind.hasPrefix("IntLog")))
        case "CategoricalDistribution", "categorical":
            guard case .array(let choices)? = fields["choices"] else { return nil }
            self.init(name, .categorical(choices.compactMap(\.parameterValue)))
        default: return nil
        }
    }
}

extension JSONValue {
    package init(_ value: ParameterValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .integer(value)
        case .float(let value): self = .number(value)
        case .string(let value): self = .string(value)
        }
    }
    var parameterValue: ParameterValue? {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .int(value)
        case .unsigned(let value): Int64(exactly: value).map { .int($0) }
        case .number(let value): .float(value)
        case .string(let value): .string(value)
        case .array, .object: nil
        }
    }
}

extension JSONValue {
    /// As Python's `json` writes it: with NaN and Infinity, which JSON does not know and Optuna's readers do.
    var pythonText: String {
        switch self {
        case .number(let value) where value.isNaN: "NaN"
        case .number(let value) where value.isInfinite: value > 0 ? "Infinity" : "-Infinity"
        case .array(let values): "[" + values.map(\.pythonText).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { JSONValue.string($0.key).text + ":" + $0.value.pythonText }.joined(separator: ",") + "}"
        default: text
        }
    }
    /// One value as Python's `json` may have written it.
    init?(python text: String) {
        switch text {
        case "NaN": self = .number(.nan)
        case "Infinity": self = .number(.infinity)
        case "-Infinity": self = .number(-.infinity)
        default: self.init(text)
        }
    }
    /// A user's attribute, which is JSON text; what is none is kept as a string, lest one word makes Optuna refuse the
    /// whole study.
    init(attribute text: String) { self = JSONValue(text) ?? .string(text) }
    static func attributeText(_ text: String) -> String {
        JSONValue(text) == nil ? JSONValue.string(text).text : text
    }
}

/// Moments as Optuna's databases write them: naive UTC with microseconds.
enum OptunaTime {
    /// - Parameter milliseconds: since 1970.
    static func text(_ milliseconds: UInt64) -> String {
        let parts = fields(milliseconds)
        return "\(parts.date) \(parts.time)"
    }
    /// `2026-01-30T18:00:00.123000+00:00`, as journals have it.
    static func iso(_ milliseconds: UInt64) -> String {
        let parts = fields(milliseconds)
        return "\(parts.date)T\(parts.time)+00:00"
    }

    /// `2026-01-30T18:00:00.123Z`, for people and programs.
    static func zulu(_ milliseconds: UInt64) -> String {
        let parts = fields(milliseconds)
        return "\(parts.date)T\(parts.time.dropLast(3))Z"
    }

    private static func fields(_ milliseconds: UInt64) -> (date: String, time: String) {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        // Far beyond any clock: lest a broken one breaks the arithmetic.
        let bounded = min(milliseconds, 253_402_300_799_999)
        let seconds = Int(bounded / 1000)
        let (year, month, day) = civil(day: seconds / 86_400)
        let rest = seconds % 86_400
        let thousandths = String(Int(bounded % 1000) + 1000).dropFirst()
        return (
            String(year + 10_000).dropFirst() + "-\(two(month))-\(two(day))",
            "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)).\(thousandths)000"
        )
    }

    /// Days since 1970 as a date of the Gregorian calendar. Source: Richards (2013), *Calendars*, in the Explanatory
    /// Supplement to the Astronomical Almanac, §15.11.3.
    private static func civil(day: Int) -> (year: Int, month: Int, day: Int) {
        let julian = day + 2_440_588
        let f = julian + 1401 + (4 * julian + 274_277) / 146_097 * 3 / 4 - 38
        let e = 4 * f + 3
        let h = 5 * (e % 1461 / 4) + 2
        let month = (h / 153 + 2) % 12 + 1
        return (e / 1461 - 4716 + (14 - month) / 12, month, h % 153 / 5 + 1)
    }

    /// Milliseconds since 1970 of `YYYY-MM-DD HH:MM:SS.ffffff`; 0 for anything else.
    static func milliseconds(_ text: String) -> UInt64 {
        let numbers = text.split { !$0.isNumber }.map { Int($0) ?? 0 }
        guard numbers.count >= 6, (1970...9999).contains(numbers[0]), (1...12).contains(numbers[1]) else { return 0 }
        let (year, month) = (numbers[0], numbers[1])
        let a = (14 - month) / 12
        let y = year + 4800 - a
        let julian = numbers[2] + (153 * (month + 12 * a - 3) + 2) / 5 + 365 * y + y / 4 - y / 100 + y / 400 - 32_045
        let seconds = (julian - 2_440_588) * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
        let fraction = numbers.count > 6 ? text.split { !$0.isNumber }[6].prefix(3) : "0"
        let thousandths = (Int(fraction) ?? 0) * [100, 10, 1][max(0, fraction.count - 1)]
        return UInt64(max(0, seconds * 1000 + thousandths))
    }
}
