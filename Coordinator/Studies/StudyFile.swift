import Foundation
import JSON
import Jobs
import Store

/// A study database that Optuna or apex wrote, read only.
package final class StudyFile {
    private let database: Database
    private let path: String

    /// - Throws: when it is no such database, or of another version.
    package init(_ path: String) throws(DatabaseError) {
        self.path = path
        let database = try Database(path: path, mode: .readOnly, busyTimeout: .seconds(60))
        try OptunaSchema.check(database, path)
        self.database = database
    }

    /// Names in order of their making.
    package func names() throws(DatabaseError) -> [String] {
        let rows = try database.prepare("SELECT study_name FROM studies ORDER BY study_id")
        var names: [String] = []
        while try rows.step() { names.append(rows.text(0)) }
        return names
    }

    /// One study: its directions, the space that its trials' distributions show, and its trials, all as they were at one
    /// moment.
    ///
    /// Where a parameter's range varied, the space is the range of all. A parameter that not every trial has is left
    /// without a condition: Optuna does not say why.
    /// - Parameter onlyOver: leaves out trials that run or wait; the others keep their numbers.
    package func read(_ name: String, onlyOver: Bool = true) throws(DatabaseError) -> (
        directions: [Study.Direction], parameters: [StudyParameter], trials: [Study.Trial]
    ) {
        try database.execute("BEGIN")
        defer { try? database.rollback() }
        let find = try database.prepare("SELECT study_id FROM studies WHERE study_name=?1")
        try find.bind(name, at: 1)
        guard try find.step() else {
            throw DatabaseError(
                cause: .other,
                "\(path): there is no study \(name); there are \(try names().joined(separator: ", ")).")
        }
        let id = find.integer(0)
        find.reset()
        var directions: [Study.Direction] = []
        for text in try texts("SELECT direction FROM study_directions WHERE study_id=?1 ORDER BY objective", id) {
            switch text {
            case "MINIMIZE": directions.append(.minimize)
            case "MAXIMIZE": directions.append(.maximize)
            default:
                throw DatabaseError(cause: .other, "\(path): study \(name) has the direction \(text); mend the file.")
            }
        }
        guard !directions.isEmpty else {
            throw DatabaseError(cause: .other, "\(path): study \(name) has no direction; mend the file.")
        }
        let parameters = try space(of: id)
        return (directions, parameters, try trials(of: id, parameters, directions.count, onlyOver))
    }

    private func texts(_ sql: String, _ id: Int64) throws(DatabaseError) -> [String] {
        let rows = try database.prepare(sql)
        try rows.bind(id, at: 1)
        var texts: [String] = []
        while try rows.step() { texts.append(rows.text(0)) }
        return texts
    }

    /// In order of first appearance.
    private func space(of id: Int64) throws(DatabaseError) -> [StudyParameter] {
        let rows = try database.prepare(
            """
            SELECT param_name, distribution_json, MIN(param_id) AS first FROM trial_params JOIN trials USING(trial_id)
            WHERE study_id=?1 GROUP BY param_name, distribution_json ORDER BY first
            """)
        try rows.bind(id, at: 1)
        var parameters: [StudyParameter] = []
        while try rows.step() {
            let name = rows.text(0)
            guard let json = JSONValue(rows.text(1)), let parameter = StudyParameter(name, optuna: json) else {
                throw DatabaseError(
                    cause: .other, "\(path): parameter \(name) has a distribution not known here: \(rows.text(1))")
            }
            if let at = parameters.firstIndex(where: { $0.name == name }) {
                guard let wider = parameters[at].widened(by: parameter) else {
                    throw DatabaseError(
                        cause: .other,
                        "\(path): parameter \(name) is of two kinds, or its choices changed; such a study cannot be imported."
                    )
                }
                parameters[at] = wider
            } else {
                parameters.append(parameter)
            }
        }
        return parameters
    }

    private func trials(of id: Int64, _ parameters: [StudyParameter], _ objectives: Int, _ onlyOver: Bool)
        throws(DatabaseError) -> [Study.Trial]
    {
        let rows = try database.prepare(
            """
            SELECT trial_id, state, COALESCE(datetime_start, ''), COALESCE(datetime_complete, '') FROM trials
            WHERE study_id=?1 ORDER BY trial_id
            """)
        try rows.bind(id, at: 1)
        let details = try TrialDetails(database)
        let places = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
        var trials: [Study.Trial] = []
        var number: UInt32 = 0
        while try rows.step() {
            defer { number += 1 }
            guard let state = Study.Trial.State(optuna: rows.text(1)), state.isOver || !onlyOver else { continue }
            var trial = Study.Trial(number: number, state: state, parameters: parameters.map { _ in nil })
            trial.started = OptunaTime.milliseconds(rows.text(2))
            trial.ended = OptunaTime.milliseconds(rows.text(3))
            try details.read(&trial, row: rows.integer(0), parameters, places)
            // What somebody mended by hand: a value that does not fit must not reach a sampler.
            if state == .complete, trial.values.count != objectives || trial.values.contains(where: \.isNaN) {
                trial.reason = "\(trial.values.count) values where the study has \(objectives) directions"
                (trial.state, trial.values) = (.failed, [])
            }
            trials.append(trial)
        }
        return trials
    }
}

/// What hangs on one row of `trials`.
private struct TrialDetails: ~Copyable {
    private let values: Statement
    private let results: Statement
    private let reports: Statement
    private let user: Statement
    private let system: Statement

    init(_ database: borrowing Database) throws(DatabaseError) {
        let values = try database.prepare(
            "SELECT param_name, param_value FROM trial_params WHERE trial_id=?1 ORDER BY param_id")
        let results = try database.prepare(
            "SELECT value, value_type FROM trial_values WHERE trial_id=?1 ORDER BY objective")
        let reports = try database.prepare(
            """
            SELECT intermediate_value, intermediate_value_type, step FROM trial_intermediate_values WHERE trial_id=?1
            ORDER BY step
            """)
        let user = try database.prepare(
            "SELECT \"key\", value_json FROM trial_user_attributes WHERE trial_id=?1 ORDER BY trial_user_attribute_id")
        let system = try database.prepare(
            "SELECT \"key\", value_json FROM trial_system_attributes WHERE trial_id=?1 ORDER BY trial_system_attribute_id"
        )
        self.values = values
        self.results = results
        self.reports = reports
        self.user = user
        self.system = system
    }

    /// - Parameter places: of the parameters, by name.
    func read(
        _ trial: inout Study.Trial, row: Int64, _ parameters: [StudyParameter], _ places: [String: Int]
    ) throws(DatabaseError) {
        try each(values, row) {
            guard let at = places[$0.text(0)], !$0.isNull(1) else { return }
            // A choice or integer that is none is as good as absent.
            let stored = $0.double(1)
            if parameters[at].holds(stored) { trial.parameters[at] = stored }
        }
        try each(results, row) { trial.values.append(Self.number($0)) }
        try each(reports, row) {
            trial.reports.append(Study.Report(step: $0.integer(2), value: Self.number($0)))
        }
        try each(user, row) { trial.attributes.append(Study.NamedText($0.text(0), $0.text(1))) }
        try each(system, row) { Self.read($0.text(0), $0.text(1), parameters, &trial) }
    }

    private static func read(
        _ key: String, _ text: String, _ parameters: [StudyParameter], _ trial: inout Study.Trial
    ) {
        guard let value = JSONValue(python: text) else { return }
        if key == "constraints", let numbers = value.array {
            // As versions before 5 wrote them: without names.
            for (at, number) in numbers.enumerated() {
                if let number = number.double { trial.constraints.append(Study.NamedNumber("\(at)", number)) }
            }
        } else if key == "fixed_params" {
            for (at, parameter) in parameters.enumerated() {
                trial.fixed[at] = value[parameter.name]?.parameterValue.flatMap { parameter.stored($0) }
            }
        } else if key == "apex:trial" {
            trial.readApexFacts(value)
        } else if let number = value.double {
            if key.hasPrefix("constraints:") {
                trial.constraints.append(Study.NamedNumber(String(key.dropFirst(12)), number))
            } else {
                trial.notes.append(Study.NamedNumber(key, number))
            }
        }
    }

    private func each(_ statement: borrowing Statement, _ row: Int64, _ body: (borrowing Statement) -> Void)
        throws(DatabaseError)
    {
        try statement.bind(row, at: 1)
        while try statement.step() { body(statement) }
        statement.reset()
    }
    /// Columns 0 and 1: a number and its kind.
    private static func number(_ row: borrowing Statement) -> Double {
        switch row.text(1) {
        case "INF_POS": .infinity
        case "INF_NEG": -.infinity
        case "NAN": .nan
        default: row.double(0)
        }
    }
}

extension Study.Trial.State {
    /// As Optuna's databases spell it.
    fileprivate init?(optuna name: String) {
        let all: [Self] = [.running, .complete, .pruned, .failed, .waiting]
        guard let state = all.first(where: { $0.optunaName == name }) else { return nil }
        self = state
    }
}

extension Study.Trial {
    fileprivate mutating func readApexFacts(_ facts: JSONValue) {
        func count(_ key: String) -> UInt32 { facts[key]?.double.flatMap { UInt32(exactly: $0) } ?? 0 }
        asked = count("asked")
        told = count("told")
        attempts = count("attempts")
        worker = facts["worker"]?.string ?? ""
        reason = facts["reason"]?.string ?? ""
        decisions = (facts["decisions"]?.array ?? []).compactMap { decision in
            guard let step = decision["step"]?.double.flatMap({ Int64(exactly: $0) }) else { return nil }
            return Decision(
                step: step, isPruned: decision["prune"]?.bool ?? false, reason: decision["reason"]?.string ?? "",
                order: decision["order"]?.double.flatMap { UInt32(exactly: $0) } ?? 0)
        }
    }
}

extension StudyParameter {
    /// Whether it can be that number at all.
    fileprivate func holds(_ stored: Double) -> Bool {
        switch kind {
        case .float: stored.isFinite
        case .int: Int64(exactly: stored) != nil
        case .categorical(let choices): Int(exactly: stored).map { choices.indices.contains($0) } ?? false
        }
    }
    /// The range of both; nil when they are not of one kind.
    fileprivate func widened(by other: StudyParameter) -> StudyParameter? {
        var wider = self
        switch (kind, other.kind) {
        case (.float(let low, let high, let step, let log), .float(let low2, let high2, let step2, let log2)):
            guard log == log2 else { return nil }
            wider.kind = .float(
                low: min(low, low2), high: max(high, high2), step: step == step2 ? step : nil, log: log)
        case (.int(let low, let high, let step, let log), .int(let low2, let high2, let step2, let log2)):
            guard log == log2 else { return nil }
            let isOneGrid = step == step2 && (low - low2) % step == 0
            wider.kind = .int(low: min(low, low2), high: max(high, high2), step: isOneGrid ? step : 1, log: log)
        case (.categorical(let choices), .categorical(let choices2)): if choices != choices2 { return nil }
        default: return nil
        }
        return wider
    }
}
