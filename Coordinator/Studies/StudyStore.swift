import Foundation
import JSON
import Jobs
import Messages
import Store

/// `studies.sqlite`: every study as Optuna's own tools read it, while it runs and after.
///
/// A picture of what the planners publish: after a crash they publish everything again, and the store keeps what it has,
/// adds what is missing, and never touches a trial that is over. Used by one thread.
package final class StudyStore {
    private let database: Database
    private let statements: Statements
    /// Studies seen since it was opened. Looked up, never iterated.
    private var studies: [String: Entry] = [:]
    private let lines: TrialLines

    private struct Entry {
        let id: Int64
        let spec: Study.Spec
        /// Row ids by number, and which of them are over.
        var rows: [Int64]
        var isOver: [Bool]
    }

    /// - Parameters:
    ///   - path: of the database; made when missing.
    ///   - folder: `trials.jsonl` of each study lies in a folder of its name there.
    /// - Throws: when it is no database of Optuna's, or of another version.
    package init(path: String, folder: String) throws(DatabaseError) {
        // A writer of Optuna's may hold the file for long.
        let database = try Database(path: path, mode: .durable, busyTimeout: .seconds(60))
        try Self.prepare(database, path)
        statements = try Statements(database)
        self.database = database
        lines = TrialLines(folder: folder)
    }

    private static func prepare(_ database: borrowing Database, _ path: String) throws(DatabaseError) {
        let tables = try database.prepare("SELECT COUNT(*) FROM sqlite_master WHERE type='table'")
        _ = try tables.step()
        let count = tables.integer(0)
        tables.reset()
        if count == 0 {
            try database.begin()
            try database.execute(OptunaSchema.tables)
            return try database.commit()
        }
        try check(database, path)
    }

    /// - Throws: when the file is not one of Optuna's of the version known here.
    static func check(_ database: borrowing Database, _ path: String) throws(DatabaseError) {
        let known = try database.prepare("SELECT COUNT(*) FROM sqlite_master WHERE name='version_info'")
        _ = try known.step()
        guard known.integer(0) == 1 else {
            throw DatabaseError(cause: .other, "\(path): is no study database of Optuna's; move it away.")
        }
        known.reset()
        let version = try database.prepare("SELECT schema_version FROM version_info")
        let found = try version.step() ? version.integer(0) : 0
        guard found == OptunaSchema.version else {
            throw DatabaseError(
                cause: .other,
                "\(path): has tables of version \(found), and \(OptunaSchema.version) is known here; upgrade it with "
                    + "`optuna storage upgrade`, or move it away.")
        }
    }

    // MARK: - Writing

    /// All of these or none; on the disk when this returns.
    /// - Parameters:
    ///   - job: whose planner published them: a study made again under an old name is another study.
    ///   - now: milliseconds since 1970: when trials that were just asked for began.
    package func apply(_ publications: [Study.Publication], of job: JobID, at now: UInt64) throws(DatabaseError) {
        let before = studies
        try database.begin()
        do throws(DatabaseError) {
            for publication in publications { try apply(publication, job, now) }
            try database.commit()
        } catch {
            if database.isInTransaction { try? database.rollback() }
            studies = before
            lines.forget()
            throw error
        }
        try lines.flush()
    }

    private func apply(_ publication: Study.Publication, _ job: JobID, _ now: UInt64) throws(DatabaseError) {
        switch publication {
        case .study(let spec): try open(spec, job)
        case .trial(let name, let trial): try write(trial, of: name, now)
        case .report(let name, let number, let report, _):
            guard let entry = studies[name], entry.rows.indices.contains(Int(number)), !entry.isOver[Int(number)] else {
                return
            }
            try statements.insert(report, trial: entry.rows[Int(number)])
        }
    }

    private func open(_ spec: Study.Spec, _ job: JobID) throws(DatabaseError) {
        let identity = "\(job) \(BlobIdentity.hash(spec.wireBytes))"
        if let id = try statements.study(named: spec.name) {
            if try statements.studyAttribute("apex:identity", of: id) == JSONValue.string(identity).text {
                studies[spec.name] = try known(id, spec)
                return try lines.open(spec, over: studies[spec.name]!.isOver)
            }
            // Nothing of the older one is lost: it gives way under another name.
            try statements.rename(id, to: try freeName(spec.name))
            lines.setAside(spec.name)
        }
        let id = try statements.insertStudy(spec)
        let facts: [(String, JSONValue)] = [
            ("apex:identity", .string(identity)), ("apex:sampler", .string(spec.sampler)),
            ("apex:pruner", .string(spec.pruner)), ("apex:seed", .integer(Int64(spec.seed))),
            ("apex:parallel", .integer(Int64(spec.parallel))), ("apex:reproducible", .bool(spec.isReproducible)),
            ("apex:space", .array(spec.parameters.map { $0.json })),
        ]
        for (key, value) in facts { try statements.insertStudyAttribute(key, value, of: id) }
        studies[spec.name] = Entry(id: id, spec: spec, rows: [], isOver: [])
        try lines.open(spec, over: [])
    }

    private func freeName(_ name: String) throws(DatabaseError) -> String {
        for number in 1... {
            let candidate = "\(name)~\(number)"
            if try statements.study(named: candidate) == nil { return candidate }
        }
        return name
    }

    private func known(_ id: Int64, _ spec: Study.Spec) throws(DatabaseError) -> Entry {
        var entry = Entry(id: id, spec: spec, rows: [], isOver: [])
        for (row, state) in try statements.trials(of: id) {
            entry.rows.append(row)
            entry.isOver.append(state == "COMPLETE" || state == "PRUNED" || state == "FAIL")
        }
        return entry
    }

    private func write(_ trial: Study.Trial, of name: String, _ now: UInt64) throws(DatabaseError) {
        guard let entry = studies[name] else {
            throw DatabaseError(cause: .other, "study \(name) was not opened before its trial \(trial.number)")
        }
        let number = Int(trial.number)
        guard number <= entry.rows.count else {
            throw DatabaseError(cause: .other, "study \(name): trial \(number) comes before trial \(entry.rows.count)")
        }
        let isNew = number == entry.rows.count
        if !isNew, entry.isOver[number] {
            // A crash may have come between the row and the line.
            return lines.append(trial, entry.spec)
        }
        let row: Int64
        if isNew {
            row = try statements.insert(trial, study: entry.id, at: now)
            studies[name]!.rows.append(row)
            studies[name]!.isOver.append(false)
        } else {
            row = entry.rows[number]
        }
        try writeFacts(of: trial, row, entry.spec)
        guard !isNew || trial.state.isOver else { return }
        try statements.update(trial, row: row, at: now)
        if trial.state.isOver {
            studies[name]!.isOver[number] = true
            lines.append(trial, entry.spec)
        }
    }

    private func writeFacts(of trial: Study.Trial, _ row: Int64, _ spec: Study.Spec) throws(DatabaseError) {
        if trial.state != .waiting {
            for (parameter, value) in zip(spec.parameters, trial.parameters) {
                if let value { try statements.insert(parameter, value, trial: row) }
            }
        }
        if trial.fixed.contains(where: { $0 != nil }) {
            let fixed = spec.parameters.named(trial.fixed)
            try statements.insertSystemAttribute(
                "fixed_params", .object(fixed.map { JSONValue.Member(key: $0.name, value: JSONValue($0.value)) }),
                trial: row)
        }
        guard trial.state.isOver else { return }
        for report in trial.reports { try statements.insert(report, trial: row) }
        for (at, value) in trial.values.enumerated() { try statements.insert(value, objective: at, trial: row) }
        for constraint in trial.constraints {
            try statements.insertSystemAttribute(
                "constraints:\(constraint.name)", .number(constraint.value), trial: row)
        }
        for note in trial.notes { try statements.insertSystemAttribute(note.name, .number(note.value), trial: row) }
        for attribute in trial.attributes {
            try statements.insertUserAttribute(attribute.name, attribute.text, trial: row)
        }
        try statements.insertSystemAttribute("apex:trial", trial.apexFacts, trial: row)
    }
}

extension Study.Trial {
    /// What Optuna has no column for.
    fileprivate var apexFacts: JSONValue {
        .object(present: [
            "asked": JSONValue(asked), "told": JSONValue(told), "attempts": JSONValue(attempts),
            "draws": .array(draws.map { JSONValue($0) }), "worker": worker.isEmpty ? nil : .string(worker),
            "reason": reason.isEmpty ? nil : .string(reason),
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

enum BlobIdentity {
    /// Enough to tell one spec from another. FNV-1a, 64 bits.
    static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
