import Store

/// The tables of Optuna's SQLite files: version 12, alembic v3.2.0.a.
enum OptunaSchema {
    static let version: Int64 = 12
    static let library = "5.0.0"
    static let alembic = "v3.2.0.a"

    static let tables = """
        CREATE TABLE studies(study_id INTEGER NOT NULL PRIMARY KEY, study_name VARCHAR(512) NOT NULL);
        CREATE UNIQUE INDEX ix_studies_study_name ON studies(study_name);
        CREATE TABLE version_info(version_info_id INTEGER NOT NULL PRIMARY KEY CHECK (version_info_id = 1),
            schema_version INTEGER, library_version VARCHAR(256));
        CREATE TABLE study_directions(study_direction_id INTEGER NOT NULL PRIMARY KEY, direction VARCHAR(8) NOT NULL,
            study_id INTEGER NOT NULL REFERENCES studies(study_id), objective INTEGER NOT NULL,
            UNIQUE(study_id, objective));
        CREATE TABLE study_user_attributes(study_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
            study_id INTEGER REFERENCES studies(study_id), "key" VARCHAR(512), value_json TEXT, UNIQUE(study_id, "key"));
        CREATE TABLE study_system_attributes(study_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
            study_id INTEGER REFERENCES studies(study_id), "key" VARCHAR(512), value_json TEXT, UNIQUE(study_id, "key"));
        CREATE TABLE trials(trial_id INTEGER NOT NULL PRIMARY KEY, number INTEGER,
            study_id INTEGER REFERENCES studies(study_id), state VARCHAR(8) NOT NULL, datetime_start DATETIME,
            datetime_complete DATETIME);
        CREATE INDEX ix_trials_study_id ON trials(study_id);
        CREATE TABLE trial_user_attributes(trial_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
            trial_id INTEGER REFERENCES trials(trial_id), "key" VARCHAR(512), value_json TEXT, UNIQUE(trial_id, "key"));
        CREATE TABLE trial_system_attributes(trial_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
            trial_id INTEGER REFERENCES trials(trial_id), "key" VARCHAR(512), value_json TEXT, UNIQUE(trial_id, "key"));
        CREATE TABLE trial_params(param_id INTEGER NOT NULL PRIMARY KEY,
            trial_id INTEGER REFERENCES trials(trial_id), param_name VARCHAR(512), param_value FLOAT,
            distribution_json TEXT, UNIQUE(trial_id, param_name));
        CREATE TABLE trial_values(trial_value_id INTEGER NOT NULL PRIMARY KEY,
            trial_id INTEGER NOT NULL REFERENCES trials(trial_id), objective INTEGER NOT NULL, value FLOAT,
            value_type VARCHAR(7) NOT NULL, UNIQUE(trial_id, objective));
        CREATE TABLE trial_intermediate_values(trial_intermediate_value_id INTEGER NOT NULL PRIMARY KEY,
            trial_id INTEGER NOT NULL REFERENCES trials(trial_id), step INTEGER NOT NULL, intermediate_value FLOAT,
            intermediate_value_type VARCHAR(7) NOT NULL, UNIQUE(trial_id, step));
        CREATE TABLE trial_heartbeats(trial_heartbeat_id INTEGER NOT NULL PRIMARY KEY,
            trial_id INTEGER NOT NULL REFERENCES trials(trial_id), heartbeat DATETIME NOT NULL, UNIQUE(trial_id));
        CREATE TABLE alembic_version(version_num VARCHAR(32) NOT NULL PRIMARY KEY);
        INSERT INTO version_info VALUES(1, \(version), '\(library)');
        INSERT INTO alembic_version VALUES('\(alembic)');
        """

    /// - Throws: when the file is not one of Optuna's of the version known here.
    static func check(_ database: borrowing Database, _ path: String) throws(DatabaseError) {
        let known = try database.prepare(
            "SELECT COUNT(*) FROM sqlite_master WHERE type='table' AND name IN ('version_info', 'trials', 'studies')")
        _ = try known.step()
        guard known.integer(0) == 3 else {
            throw DatabaseError(cause: .other, "\(path): is no study database of Optuna's; move it away.")
        }
        known.reset()
        let rows = try database.prepare("SELECT schema_version FROM version_info")
        let found = try rows.step() ? rows.integer(0) : 0
        rows.reset()
        let words = "upgrade it with `optuna storage upgrade`, or move it away."
        guard found == version else {
            throw DatabaseError(
                cause: .other, "\(path): has tables of version \(found), and \(version) is known here; \(words)")
        }
        // The number above stayed the same for years; this one tells the tables apart.
        let tables = try database.prepare("SELECT COUNT(*) FROM sqlite_master WHERE name='alembic_version'")
        _ = try tables.step()
        var revision = "none"
        if tables.integer(0) == 1 {
            let revisions = try database.prepare("SELECT version_num FROM alembic_version")
            if try revisions.step() { revision = revisions.text(0) }
        }
        guard revision == alembic else {
            throw DatabaseError(
                cause: .other, "\(path): has tables of revision \(revision), and \(alembic) is known here; \(words)")
        }
    }
}
