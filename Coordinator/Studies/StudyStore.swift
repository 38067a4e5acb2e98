import Foundation
import JSON
import Jobs
import Messages
import Store

/// `studies.sqlite`: every study as Optuna's own tools read it, while it runs and after.
///
/// A picture of what the planners publish: after a crash they publish everything again, and the store keeps what it has,
/// adds what is missing, and never touches a trial that is over. Used by one thread.
///
/// Optuna and its dashboard may write into the same file. Their trials stand between ours, and ours keep their own
/// number in the attribute `apex:trial`; a trial of ours that they end stays as they ended it.
package final class StudyStore {
    private let database: Database
    private let statements: Statements
    /// Studies seen since it was opened. Looked up; walked only in order of their names.
    private var studies: [String: OpenStudy] = [:]
    private let lines: TrialLines
    /// SQLite's count of what other connections changed, when the rows were last read.
    private var changes: Int64 = -1
    private var remarks: [String] = []

    /// - Parameters:
    ///   - path: of the database; made when missing.
    ///   - folder: `trials.jsonl` of each study lies in a folder of its name there.
    ///   - patience: how long another program may hold the file before it is an error; a writer of Optuna's may hold it
    ///     for long.
    /// - Throws: when it is no database of Optuna's, or of another version.
    package init(path: String, folder: String, patience: Duration = .seconds(60)) throws(DatabaseError) {
        let database = try Database(path: path, mode: .durable, busyTimeout: patience)
        try Self.prepare(database, path)
        statements = try Statements(database)
        self.database = database
        lines = TrialLines(folder: folder)
    }

    private static func prepare(_ database: borrowing Database, _ path: String) throws(DatabaseError) {
        try database.begin()
        do throws(DatabaseError) {
            let tables = try database.prepare("SELECT COUNT(*) FROM sqlite_master WHERE type='table'")
            _ = try tables.step()
            let count = tables.integer(0)
            tables.reset()
            if count == 0 { try database.execute(OptunaSchema.tables) } else { try OptunaSchema.check(database, path) }
            try database.commit()
        } catch {
            if database.isInTransaction { try? database.rollback() }
            throw error
        }
    }

    /// What a person should know of what other programs did to the file, since the last call.
    package func takeRemarks() -> [String] {
        defer { remarks = [] }
        return remarks
    }

    // MARK: - Writing

    /// All of these or none; on the disk when this returns.
    /// - Parameters:
    ///   - job: whose planner published them: a study made again under an old name is another study.
    ///   - now: milliseconds since 1970: when trials that were just asked for began.
    package func apply(_ publications: [Study.Publication], of job: JobID, at now: UInt64) throws(DatabaseError) {
        try database.begin()
        do throws(DatabaseError) {
            try readAgain()
            for publication in publications { try apply(publication, job, now) }
            try database.commit()
        } catch {
            if database.isInTransaction { try? database.rollback() }
            // What is remembered of the rows is not what is stored.
            changes = -1
            lines.forget()
            throw error
        }
        try lines.flush()
    }

    /// Reads the rows of all open studies again, if somebody else has written since.
    private func readAgain() throws(DatabaseError) {
        let now = try statements.changes()
        defer { changes = now }
        guard now != changes else { return }
        for name in studies.keys.sorted() {
            let study = studies[name]!
            guard try statements.studyAttribute("apex:identity", of: study.id) == study.identity else {
                if !study.isGone {
                    remarks.append("study \(name) was removed by another program; a restart writes it again")
                }
                study.isGone = true
                continue
            }
            try read(study)
            try lines.open(name)
        }
    }

    private func read(_ study: OpenStudy) throws(DatabaseError) {
        let running = study.rows.indices.filter { study.rows[$0] != nil && !study.isOver[$0] }
        study.rows = []
        study.isOver = []
        study.rowCount = 0
        try statements.eachTrial(of: study.id) { row, state, number in
            study.rowCount += 1
            guard let number, number >= 0, number < 1 << 31 else { return }
            study.place(row, isOver: state == "COMPLETE" || state == "PRUNED" || state == "FAIL", at: Int(number))
        }
        for number in running where study.isOver.indices.contains(number) && study.isOver[number] {
            remarks.append("trial \(number) of study \(study.spec.name) was ended by another program, and stays so")
        }
    }

    private func apply(_ publication: Study.Publication, _ job: JobID, _ now: UInt64) throws(DatabaseError) {
        switch publication {
        case .study(let spec): try open(spec, job)
        case .trial(let name, let trial): try write(trial, of: name, now)
        case .report(let name, let number, let report, _):
            guard let study = studies[name], !study.isGone, let row = study.unfinishedRow(Int(number)) else { return }
            try statements.insert(report, trial: row)
        }
    }

    private func open(_ spec: Study.Spec, _ job: JobID) throws(DatabaseError) {
        let identity = JSONValue.string("\(job) \(Self.hash(spec.wireBytes))").text
        if let id = try statements.study(named: spec.name) {
            if try statements.studyAttribute("apex:identity", of: id) == identity {
                let study = OpenStudy(id: id, identity: identity, spec: spec)
                try read(study)
                studies[spec.name] = study
                return try lines.open(spec.name)
            }
            // Nothing of the older one is lost: it gives way under another name.
            try statements.rename(id, to: try freeName(spec.name))
            lines.setAside(spec.name)
        }
        let id = try statements.insertStudy(spec)
        try statements.insertStudyAttribute("apex:identity", identity, of: id)
        let facts: [(String, JSONValue)] = [
            ("apex:sampler", .string(spec.sampler)), ("apex:pruner", .string(spec.pruner)),
            ("apex:seed", .integer(Int64(spec.seed))), ("apex:parallel", .integer(Int64(spec.parallel))),
            ("apex:reproducible", .bool(spec.isReproducible)), ("apex:space", .array(spec.parameters.map { $0.json })),
        ]
        for (key, value) in facts { try statements.insertStudyAttribute(key, value.text, of: id) }
        studies[spec.name] = OpenStudy(id: id, identity: identity, spec: spec)
        try lines.open(spec.name)
    }

    private func freeName(_ name: String) throws(DatabaseError) -> String {
        for number in 1... {
            let candidate = "\(name)~\(number)"
            if try statements.study(named: candidate) == nil { return candidate }
        }
        return name
    }

    private func write(_ trial: Study.Trial, of name: String, _ now: UInt64) throws(DatabaseError) {
        guard let study = studies[name] else {
            throw DatabaseError(cause: .other, "study \(name) was not opened before its trial \(trial.number)")
        }
        guard !study.isGone else { return }
        let number = Int(trial.number)
        guard number <= study.rows.count else {
            throw DatabaseError(cause: .other, "study \(name): trial \(number) comes before trial \(study.rows.count)")
        }
        if study.isOver(number) {
            // A crash may have come between the row and the line.
            return lines.append(trial, study.spec)
        }
        let row: Int64
        let known = study.unfinishedRow(number)
        if let known {
            row = known
        } else {
            // Its number there is its rank, wherever other programs' trials stand.
            row = try statements.insert(trial, number: study.rowCount, study: study.id, at: now)
            study.rowCount += 1
            study.place(row, isOver: false, at: number)
        }
        try writeFacts(of: trial, row, study)
        guard known != nil || trial.state.isOver else { return }
        try statements.update(trial, row: row, at: now)
        if trial.state.isOver {
            study.isOver[number] = true
            lines.append(trial, study.spec)
        }
    }

    private func writeFacts(of trial: Study.Trial, _ row: Int64, _ study: OpenStudy) throws(DatabaseError) {
        let parameters = study.spec.parameters
        if trial.state != .waiting {
            for (at, value) in trial.parameters.enumerated() {
                if let value {
                    try statements.insertParameter(parameters[at].name, value, study.distributions[at], trial: row)
                }
            }
        }
        if trial.fixed.contains(where: { $0 != nil }) {
            let fixed = parameters.named(trial.fixed)
            try statements.insertSystemAttribute(
                "fixed_params", .object(fixed.map { JSONValue.Member(key: $0.name, value: JSONValue($0.value)) }),
                trial: row)
        }
        for report in trial.reports { try statements.insert(report, trial: row) }
        if trial.state.isOver {
            for (at, value) in trial.values.enumerated() { try statements.insert(value, objective: at, trial: row) }
            for constraint in trial.constraints {
                try statements.insertSystemAttribute(
                    "constraints:\(constraint.name)", .number(constraint.value), trial: row)
            }
            for note in trial.notes { try statements.insertSystemAttribute(note.name, .number(note.value), trial: row) }
            for attribute in trial.attributes {
                try statements.insertUserAttribute(attribute.name, JSONValue.attributeText(attribute.text), trial: row)
            }
        }
        try statements.setApexFacts(trial.apexFacts, trial: row)
    }

    /// Enough to tell one spec from another: FNV-1a, 64 bits.
    private static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}

/// What the store remembers of one study's rows.
private final class OpenStudy {
    let id: Int64
    let identity: String
    let spec: Study.Spec
    /// Of each parameter, as Optuna writes it.
    let distributions: [String]
    /// Row ids by our number, nil where there is none, and which of them are over.
    fileprivate(set) var rows: [Int64?] = []
    var isOver: [Bool] = []
    /// Rows of the study, other programs' included.
    var rowCount = 0
    /// Somebody removed it.
    var isGone = false

    init(id: Int64, identity: String, spec: Study.Spec) {
        self.id = id
        self.identity = identity
        self.spec = spec
        distributions = spec.parameters.map(\.optunaDistribution.text)
    }

    func isOver(_ number: Int) -> Bool { isOver.indices.contains(number) && isOver[number] }
    func unfinishedRow(_ number: Int) -> Int64? {
        rows.indices.contains(number) && !isOver[number] ? rows[number] : nil
    }
    func place(_ row: Int64, isOver over: Bool, at number: Int) {
        while rows.count <= number {
            rows.append(nil)
            isOver.append(false)
        }
        rows[number] = row
        isOver[number] = over
    }
}

extension Study.Trial {
    /// What Optuna has no column for. The number comes first: it is looked for in every row.
    var apexFacts: JSONValue {
        .object(present: [
            "number": JSONValue(number), "asked": JSONValue(asked), "told": JSONValue(told),
            "attempts": JSONValue(attempts), "draws": .array(draws.map { JSONValue($0) }),
            "worker": worker.isEmpty ? nil : .string(worker), "reason": reason.isEmpty ? nil : .string(reason),
            "decisions": decisions.isEmpty
                ? nil
                : .array(
                    decisions.map {
                        [
                            "step": .integer($0.step), "prune": .bool($0.isPruned), "reason": .string($0.reason),
                            "order": JSONValue($0.order),
                        ]
                    }),
        ])
    }
}
