import Foundation
import JSON
import Jobs

/// A study in the forms that other programs read.
package enum StudyExport: String, CaseIterable, Sendable {
    case csv, json, journal

    package func bytes(_ spec: Study.Spec, _ trials: [Study.Trial]) -> [UInt8] {
        switch self {
        case .csv: Array(Self.csv(spec, trials).utf8)
        case .json: Array(Self.json(spec, trials).utf8)
        case .journal: Array(Self.journal(spec, trials).utf8)
        }
    }

    // MARK: - CSV

    /// One row a trial; a parameter that a trial does not have is empty. RFC 4180, lines end in \n.
    private static func csv(_ spec: Study.Spec, _ trials: [Study.Trial]) -> String {
        let values = spec.directions.count == 1 ? ["value"] : spec.directions.indices.map { "value_\($0)" }
        let names = spec.parameters.map { "params_\($0.name)" }
        // Three stages: which one, after which trial of the one before, and what held.
        let marks = spec.stages == nil ? [] : ["stage", "promoted_from", "candidate"]
        var text = row(
            ["number", "state"] + marks + values + names + ["started", "ended", "seconds", "worker", "reason"])
        for trial in trials {
            let numbers = spec.directions.indices.map { trial.values.indices.contains($0) ? "\(trial.values[$0])" : "" }
            let parameters = zip(spec.parameters, trial.parameters).map { parameter, stored in
                stored.map { parameter.value($0).text } ?? ""
            }
            let seconds =
                trial.started > 0 && trial.ended >= trial.started ? "\(Double(trial.ended - trial.started) / 1000)" : ""
            text += row(
                ["\(trial.number)", trial.state.optunaName]
                    + (marks.isEmpty
                        ? []
                        : [
                            trial.stage?.name ?? "", trial.promotedFrom.map { "\($0)" } ?? "",
                            trial.isCandidate ? "yes" : "",
                        ])
                    + numbers + parameters + [
                        trial.started > 0 ? isoTime(trial.started) : "", trial.ended > 0 ? isoTime(trial.ended) : "",
                        seconds, trial.worker, trial.reason,
                    ])
        }
        return text
    }
    private static func row(_ cells: [String]) -> String {
        cells.map { cell in
            let isPlain = !cell.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            return isPlain ? cell : "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\""
        }.joined(separator: ",") + "\n"
    }

    // MARK: - JSON

    private static func json(_ spec: Study.Spec, _ trials: [Study.Trial]) -> String {
        let object: JSONValue = [
            "study": .string(spec.name), "directions": .array(spec.directions.map { .string($0.name) }),
            "sampler": .string(spec.sampler), "pruner": .string(spec.pruner), "seed": JSONValue(spec.seed),
            "parameters": .array(spec.parameters.map(\.json)), "trials": .array(trials.map { $0.json(spec) }),
        ]
        return object.text + "\n"
    }

    // MARK: - Journal

    /// One operation a line, as Optuna's `JournalStorage` replays them. Infinite values are bare words there, which JSON
    /// does not know and Python's reader does.
    private static func journal(_ spec: Study.Spec, _ trials: [Study.Trial]) -> String {
        var text = ""
        func write(_ code: Int, _ members: KeyValuePairs<String, JSONValue?>) {
            var all: [JSONValue.Member] = [.init(key: "op_code", value: JSONValue(code))]
            all.append(.init(key: "worker_id", value: "apex"))
            for (key, value) in members { if let value { all.append(.init(key: key, value: value)) } }
            text += JSONValue.object(all).pythonText + "\n"
        }
        write(
            0,
            [
                "study_name": .string(spec.name),
                "directions": .array(spec.directions.map { $0 == .minimize ? 1 : 2 }),
            ])
        for trial in trials {
            let named = zip(spec.parameters, trial.parameters).compactMap { parameter, stored in
                stored.map { (parameter, $0) }
            }
            var attributes = trial.constraints.map {
                JSONValue.Member(key: "constraints:\($0.name)", value: .number($0.value))
            }
            attributes += trial.notes.map { JSONValue.Member(key: $0.name, value: .number($0.value)) }
            let fixed = spec.parameters.named(trial.fixed)
            if !fixed.isEmpty {
                attributes.append(
                    .init(
                        key: "fixed_params",
                        value: .object(fixed.map { .init(key: $0.name, value: JSONValue($0.value)) })))
            }
            attributes.append(.init(key: "apex:trial", value: trial.apexFacts))
            let isMany = spec.directions.count > 1
            write(
                4,
                [
                    "study_id": 0, "state": JSONValue(Int(trial.state.rawValue)),
                    "datetime_start": trial.started > 0 ? .string(OptunaTime.iso(trial.started)) : .null,
                    "datetime_complete": trial.ended > 0 ? .string(OptunaTime.iso(trial.ended)) : nil,
                    "value": isMany ? .null : trial.values.first.map { .number($0) } ?? .null,
                    "values": isMany && !trial.values.isEmpty ? .array(trial.values.map { .number($0) }) : .null,
                    "distributions": .object(
                        named.map { .init(key: $0.0.name, value: .string($0.0.optunaDistribution.text)) }),
                    "params": .object(named.map { .init(key: $0.0.name, value: .number($0.1)) }),
                    "user_attrs": .object(
                        trial.attributes.map { .init(key: $0.name, value: JSONValue($0.text) ?? .string($0.text)) }),
                    "system_attrs": .object(attributes),
                    "intermediate_values": .object(
                        trial.reports.map { .init(key: "\($0.step)", value: .number($0.value)) }),
                ])
        }
        return text
    }
}
