import JSON
import Jobs
import Store

/// The statements that write studies, each compiled once. Rows that are there already stay as they are.
struct Statements: ~Copyable {
    private let findStudy: Statement
    private let addStudy: Statement
    private let addDirection: Statement
    private let renameStudy: Statement
    private let addStudyAttribute: Statement
    private let findStudyAttribute: Statement
    private let addTrial: Statement
    private let updateTrial: Statement
    private let findTrials: Statement
    private let findChanges: Statement
    private let addParameter: Statement
    private let addValue: Statement
    private let addReport: Statement
    private let addUserAttribute: Statement
    private let addSystemAttribute: Statement
    private let setFacts: Statement

    init(_ database: borrowing Database) throws(DatabaseError) {
        let findStudy = try database.prepare("SELECT study_id FROM studies WHERE study_name=?1")
        let addStudy = try database.prepare("INSERT INTO studies(study_name) VALUES(?1) RETURNING study_id")
        let addDirection = try database.prepare(
            "INSERT INTO study_directions(direction, study_id, objective) VALUES(?1, ?2, ?3)")
        let renameStudy = try database.prepare("UPDATE studies SET study_name=?2 WHERE study_id=?1")
        let addStudyAttribute = try database.prepare(
            "INSERT INTO study_system_attributes(study_id, \"key\", value_json) VALUES(?1, ?2, ?3)")
        let findStudyAttribute = try database.prepare(
            "SELECT value_json FROM study_system_attributes WHERE study_id=?1 AND \"key\"=?2")
        let addTrial = try database.prepare(
            """
            INSERT INTO trials(number, study_id, state, datetime_start) VALUES(?1, ?2, ?3, ?4) RETURNING trial_id
            """)
        let updateTrial = try database.prepare(
            """
            UPDATE trials SET state=?2, datetime_start=COALESCE(?3, datetime_start, ?5), datetime_complete=?4
            WHERE trial_id=?1
            """)
        let findTrials = try database.prepare(
            """
            SELECT trial_id, state, json_extract(value_json, '$.number') FROM trials
            LEFT JOIN (SELECT trial_id, value_json FROM trial_system_attributes WHERE "key"='apex:trial') USING(trial_id)
            WHERE study_id=?1 ORDER BY trial_id
            """)
        let findChanges = try database.prepare("PRAGMA data_version")
        let addParameter = try database.prepare(
            """
            INSERT OR IGNORE INTO trial_params(trial_id, param_name, param_value, distribution_json)
            VALUES(?1, ?2, ?3, ?4)
            """)
        let addValue = try database.prepare(
            "INSERT OR IGNORE INTO trial_values(trial_id, objective, value, value_type) VALUES(?1, ?2, ?3, ?4)")
        let addReport = try database.prepare(
            """
            INSERT OR IGNORE INTO trial_intermediate_values(trial_id, step, intermediate_value, intermediate_value_type)
            VALUES(?1, ?2, ?3, ?4)
            """)
        let addUserAttribute = try database.prepare(
            "INSERT OR IGNORE INTO trial_user_attributes(trial_id, \"key\", value_json) VALUES(?1, ?2, ?3)")
        let addSystemAttribute = try database.prepare(
            "INSERT OR IGNORE INTO trial_system_attributes(trial_id, \"key\", value_json) VALUES(?1, ?2, ?3)")
        let setFacts = try database.prepare(
            """
            INSERT INTO trial_system_attributes(trial_id, "key", value_json) VALUES(?1, 'apex:trial', ?2)
            ON CONFLICT(trial_id, "key") DO UPDATE SET value_json=excluded.value_json
            """)
        // Locals first: a value that cannot be copied is either whole or not there.
        self.findStudy = findStudy
        self.addStudy = addStudy
        self.addDirection = addDirection
        self.renameStudy = renameStudy
        self.addStudyAttribute = addStudyAttribute
        self.findStudyAttribute = findStudyAttribute
        self.addTrial = addTrial
        self.updateTrial = updateTrial
        self.findTrials = findTrials
        self.findChanges = findChanges
        self.setFacts = setFacts
        self.addParameter = addParameter
        self.addValue = addValue
        self.addReport = addReport
        self.addUserAttribute = addUserAttribute
        self.addSystemAttribute = addSystemAttribute
    }

    // MARK: - Studies

    func study(named name: String) throws(DatabaseError) -> Int64? {
        try findStudy.bind(name, at: 1)
        defer { findStudy.reset() }
        return try findStudy.step() ? findStudy.integer(0) : nil
    }

    func insertStudy(_ spec: Study.Spec) throws(DatabaseError) -> Int64 {
        try addStudy.bind(spec.name, at: 1)
        _ = try addStudy.step()
        let id = addStudy.integer(0)
        addStudy.reset()
        for (at, direction) in spec.directions.enumerated() {
            try addDirection.bind(direction == .minimize ? "MINIMIZE" : "MAXIMIZE", at: 1)
            try addDirection.bind(id, at: 2)
            try addDirection.bind(at, at: 3)
            try addDirection.run()
        }
        return id
    }

    func rename(_ id: Int64, to name: String) throws(DatabaseError) {
        try renameStudy.bind(id, at: 1)
        try renameStudy.bind(name, at: 2)
        try renameStudy.run()
    }

    func studyAttribute(_ key: String, of id: Int64) throws(DatabaseError) -> String? {
        try findStudyAttribute.bind(id, at: 1)
        try findStudyAttribute.bind(key, at: 2)
        defer { findStudyAttribute.reset() }
        return try findStudyAttribute.step() ? findStudyAttribute.text(0) : nil
    }
    /// - Parameter json: the value's JSON text.
    func insertStudyAttribute(_ key: String, _ json: String, of id: Int64) throws(DatabaseError) {
        try addStudyAttribute.bind(id, at: 1)
        try addStudyAttribute.bind(key, at: 2)
        try addStudyAttribute.bind(json, at: 3)
        try addStudyAttribute.run()
    }

    // MARK: - Trials

    /// Grows when another connection has changed the file.
    func changes() throws(DatabaseError) -> Int64 {
        defer { findChanges.reset() }
        return try findChanges.step() ? findChanges.integer(0) : 0
    }

    /// In the order of their making; `number` is nil for a trial that is none of ours.
    func eachTrial(of study: Int64, _ body: (_ row: Int64, _ state: String, _ number: Int64?) -> Void)
        throws(DatabaseError)
    {
        try findTrials.bind(study, at: 1)
        defer { findTrials.reset() }
        while try findTrials.step() {
            body(findTrials.integer(0), findTrials.text(1), findTrials.isNull(2) ? nil : findTrials.integer(2))
        }
    }

    /// A new row, running or waiting: its end is written by `update`, last of all.
    /// - Parameter number: its rank among the study's rows.
    func insert(_ trial: Study.Trial, number: Int, study: Int64, at now: UInt64) throws(DatabaseError) -> Int64 {
        try addTrial.bind(number, at: 1)
        try addTrial.bind(study, at: 2)
        try addTrial.bind(trial.state == .waiting ? "WAITING" : "RUNNING", at: 3)
        if trial.state == .waiting {
            try addTrial.bindNull(at: 4)
        } else {
            try addTrial.bind(OptunaTime.text(trial.started > 0 ? trial.started : now), at: 4)
        }
        _ = try addTrial.step()
        defer { addTrial.reset() }
        return addTrial.integer(0)
    }

    func update(_ trial: Study.Trial, row: Int64, at now: UInt64) throws(DatabaseError) {
        try updateTrial.bind(row, at: 1)
        try updateTrial.bind(trial.state.optunaName, at: 2)
        if trial.started > 0 {
            try updateTrial.bind(OptunaTime.text(trial.started), at: 3)
        } else {
            try updateTrial.bindNull(at: 3)
        }
        if trial.state.isOver {
            try updateTrial.bind(OptunaTime.text(trial.ended > 0 ? trial.ended : now), at: 4)
        } else {
            try updateTrial.bindNull(at: 4)
        }
        if trial.state == .waiting {
            try updateTrial.bindNull(at: 5)
        } else {
            try updateTrial.bind(OptunaTime.text(now), at: 5)
        }
        try updateTrial.run()
    }

    func insertParameter(_ name: String, _ value: Double, _ distribution: String, trial: Int64) throws(DatabaseError) {
        try addParameter.bind(trial, at: 1)
        try addParameter.bind(name, at: 2)
        try addParameter.bind(value, at: 3)
        try addParameter.bind(distribution, at: 4)
        try addParameter.run()
    }

    func insert(_ value: Double, objective: Int, trial: Int64) throws(DatabaseError) {
        try addValue.bind(trial, at: 1)
        try addValue.bind(objective, at: 2)
        try Self.bind(value, to: addValue)
        try addValue.run()
    }
    func insert(_ report: Study.Report, trial: Int64) throws(DatabaseError) {
        try addReport.bind(trial, at: 1)
        try addReport.bind(report.step, at: 2)
        try Self.bind(report.value, to: addReport)
        try addReport.run()
    }
    /// A number and its kind, in parameters 3 and 4.
    private static func bind(_ value: Double, to statement: borrowing Statement) throws(DatabaseError) {
        if value.isFinite { try statement.bind(value, at: 3) } else { try statement.bindNull(at: 3) }
        try statement.bind(
            value.isFinite ? "FINITE" : value.isNaN ? "NAN" : value > 0 ? "INF_POS" : "INF_NEG", at: 4)
    }

    /// - Parameter json: the value's JSON text.
    func insertUserAttribute(_ key: String, _ json: String, trial: Int64) throws(DatabaseError) {
        try addUserAttribute.bind(trial, at: 1)
        try addUserAttribute.bind(key, at: 2)
        try addUserAttribute.bind(json, at: 3)
        try addUserAttribute.run()
    }
    func insertSystemAttribute(_ key: String, _ value: JSONValue, trial: Int64) throws(DatabaseError) {
        try addSystemAttribute.bind(trial, at: 1)
        try addSystemAttribute.bind(key, at: 2)
        try addSystemAttribute.bind(value.pythonText, at: 3)
        try addSystemAttribute.run()
    }
    /// Written when a trial begins, and again until it is over.
    func setApexFacts(_ facts: JSONValue, trial: Int64) throws(DatabaseError) {
        try setFacts.bind(trial, at: 1)
        try setFacts.bind(facts.text, at: 2)
        try setFacts.run()
    }
}
