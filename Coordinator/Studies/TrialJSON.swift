import JSON
import Jobs

extension Study.Trial {
    /// One trial as `--json` prints it.
    package func json(_ spec: Study.Spec) -> JSONValue {
        .object(present: [
            "number": JSONValue(number), "state": .string(state.optunaName),
            "value": spec.directions.count == 1 ? values.first.map { JSONValue(any: $0) } ?? .null : nil,
            "values": spec.directions.count == 1 ? nil : .array(values.map { JSONValue(any: $0) }),
            "params": .object(
                spec.parameters.named(parameters).map { JSONValue.Member(key: $0.name, value: JSONValue($0.value)) }),
            "intermediate": .object(
                reports.map { JSONValue.Member(key: "\($0.step)", value: JSONValue(any: $0.value)) }),
            "started": started > 0 ? .string(isoTime(started)) : .null,
            "ended": ended > 0 ? .string(isoTime(ended)) : .null, "worker": .string(worker),
            "attempts": JSONValue(attempts), "reason": reason.isEmpty ? nil : .string(reason),
            "constraints": constraints.isEmpty
                ? nil : .object(constraints.map { JSONValue.Member(key: $0.name, value: JSONValue(any: $0.value)) }),
            "attributes": attributes.isEmpty
                ? nil : .object(attributes.map { JSONValue.Member(key: $0.name, value: JSONValue(attribute: $0.text)) })
                ,
        ])
    }
}

extension JSONValue {
    /// A number, or what JSON has no number for in a text: `inf`, `-inf`, `nan`.
    package init(any number: Double) { self = number.isFinite ? .number(number) : .string("\(number)") }
}

extension StudyParameter {
    /// As a space's file has it.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [JSONValue.Member(key: "name", value: .string(name))]
        func add(_ key: String, _ value: JSONValue) { members.append(JSONValue.Member(key: key, value: value)) }
        switch kind {
        case .float(let low, let high, let step, let log):
            add("type", "float")
            add("low", .number(low))
            add("high", .number(high))
            if let step { add("step", .number(step)) }
            if log { add("log", true) }
        case .int(let low, let high, let step, let log):
            add("type", "int")
            add("low", .integer(low))
            add("high", .integer(high))
            if step != 1 { add("step", .integer(step)) }
            if log { add("log", true) }
        case .categorical(let choices):
            add("type", "categorical")
            add("choices", .array(choices.map { JSONValue($0) }))
        }
        if !conditions.isEmpty {
            add(
                "when",
                .object(
                    conditions.map {
                        JSONValue.Member(key: $0.parent, value: .array($0.values.map { JSONValue($0) }))
                    }))
        }
        return .object(members)
    }
}

/// Milliseconds since 1970 as `2026-01-30T18:00:00.123Z`.
package func isoTime(_ milliseconds: UInt64) -> String { OptunaTime.zulu(milliseconds) }
