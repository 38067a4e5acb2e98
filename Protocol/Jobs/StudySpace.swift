import Messages

/// A value that a parameter may take, as YAML and JSON know it.
package enum ParameterValue: Sendable, Equatable, Hashable, Wire {
    case null
    case bool(Bool)
    case int(Int64)
    case float(Double)
    case string(String)

    /// As a program receives it: the shortest text that names the value.
    package var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .string(let value): value
        }
    }

    package func write(to writer: inout WireWriter) {
        switch self {
        case .null: writer.integer(UInt8(0))
        case .bool(let value):
            writer.integer(UInt8(1))
            writer.bool(value)
        case .int(let value):
            writer.integer(UInt8(2))
            writer.integer(value)
        case .float(let value):
            writer.integer(UInt8(3))
            writer.double(value)
        case .string(let value):
            writer.integer(UInt8(4))
            writer.string(value)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .null
        case 1: self = .bool(try reader.bool())
        case 2: self = .int(try reader.integer())
        case 3: self = .float(try reader.double())
        case 4: self = .string(try reader.string())
        case let other: throw WireError("\(other) is no kind of value")
        }
    }
}

/// One parameter of a study's space. Its values travel as doubles, as Optuna stores them: a number as itself, a choice
/// as its position.
package struct StudyParameter: Sendable, Equatable, Wire {
    package enum Kind: Sendable, Equatable {
        /// low…high, in steps of `step` from low when given (then not log).
        case float(low: Double, high: Double, step: Double?, log: Bool)
        /// low…high in steps of `step` from low; log only with step 1 and low ≥ 1.
        case int(low: Int64, high: Int64, step: Int64, log: Bool)
        case categorical([ParameterValue])
    }
    /// A trial has the parameter only where an earlier one, which it has too, takes one of these values.
    package struct Condition: Sendable, Equatable, Wire {
        package var parent: String
        package var values: [ParameterValue]
        package init(parent: String, values: [ParameterValue]) {
            self.parent = parent
            self.values = values
        }
        package func write(to writer: inout WireWriter) {
            writer.string(parent)
            writer.array(values)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(parent: try reader.string(), values: try reader.array())
        }
    }
    package var name: String
    package var kind: Kind
    /// All must hold.
    package var conditions: [Condition]
    package init(_ name: String, _ kind: Kind, when conditions: [Condition] = []) {
        self.name = name
        self.kind = kind
        self.conditions = conditions
    }

    /// What a stored double means.
    package func value(_ stored: Double) -> ParameterValue {
        switch kind {
        case .float: return .float(stored)
        case .int: return Int64(exactly: stored).map { .int($0) } ?? .float(stored)
        case .categorical(let choices):
            guard let at = Int(exactly: stored), choices.indices.contains(at) else { return .null }
            return choices[at]
        }
    }
    /// The double that stands for a value; nil where the parameter cannot be that. A number may be written as an
    /// integer or a float.
    package func stored(_ value: ParameterValue) -> Double? {
        if case .categorical(let choices) = kind { return choices.firstIndex(of: value).map(Double.init) }
        switch value {
        case .int(let number): return Double(number)
        case .float(let number):
            if case .int = kind, Int64(exactly: number) == nil { return nil }
            return number.isFinite ? number : nil
        case .null, .bool, .string: return nil
        }
    }

    package func write(to writer: inout WireWriter) {
        writer.string(name)
        switch kind {
        case .float(let low, let high, let step, let log):
            writer.integer(UInt8(0))
            writer.doubles([low, high, step ?? .nan])
            writer.bool(log)
        case .int(let low, let high, let step, let log):
            writer.integer(UInt8(1))
            writer.integers([low, high, step])
            writer.bool(log)
        case .categorical(let choices):
            writer.integer(UInt8(2))
            writer.array(choices)
        }
        writer.array(conditions)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        name = try reader.string()
        switch try reader.integer(UInt8.self) {
        case 0:
            let numbers = try reader.doubles()
            guard numbers.count == 3 else { throw WireError("a float parameter of \(numbers.count) numbers") }
            kind = .float(
                low: numbers[0], high: numbers[1], step: numbers[2].isNaN ? nil : numbers[2], log: try reader.bool())
        case 1:
            let numbers: [Int64] = try reader.integers()
            guard numbers.count == 3 else { throw WireError("an integer parameter of \(numbers.count) numbers") }
            kind = .int(low: numbers[0], high: numbers[1], step: numbers[2], log: try reader.bool())
        case 2: kind = .categorical(try reader.array())
        case let other: throw WireError("\(other) is no kind of parameter")
        }
        conditions = try reader.array()
    }
}

extension [StudyParameter] {
    /// Whether a trial with these values has the parameter at a position, judged by the parameters before it.
    package func isActive(_ at: Int, in values: [Double?]) -> Bool {
        self[at].conditions.allSatisfy { condition in
            guard let parent = self[..<at].firstIndex(where: { $0.name == condition.parent }),
                let stored = values[parent]
            else { return false }
            return condition.values.contains { self[parent].stored($0) == stored }
        }
    }
    /// Names and values of what a trial has, in the space's order.
    package func named(_ values: [Double?]) -> [(name: String, value: ParameterValue)] {
        zip(self, values).compactMap { parameter, stored in stored.map { (parameter.name, parameter.value($0)) } }
    }
}
