import Blobs
import Messages
import Schedules
import Store

/// What schedules there are and what each has done: `schedules.sqlite` in a coordinator's state folder.
///
/// A run is submitted under a token made of its schedule and time, and written down after that: a crash between the two
/// submits the same token again, which the coordinator knows. So a run is one job, whatever dies when.
package final class ScheduleBook {
    private let database: Database

    /// One schedule as the book knows it.
    package struct Entry: Sendable, Equatable {
        package var name: String
        package var state: Schedule.State
        /// Of the newest run; 0 without one.
        package var job: UInt32
        /// In words: when it runs, and what it submits.
        package var rhythm: String
        package var words: [String]
        /// The run after the newest look at the clock; nil when the coordinator does not know one.
        package var next: Int64?
        /// What went wrong at the newest try; empty when nothing did.
        package var trouble: String
        /// True while cluster.yaml names it.
        package var isCurrent: Bool
    }

    package init(path: String) throws(DatabaseError) {
        database = try Database(path: path, mode: .durable)
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS schedule(
                name TEXT PRIMARY KEY, since INTEGER NOT NULL, fired INTEGER, paused INTEGER NOT NULL,
                job INTEGER NOT NULL, rhythm TEXT NOT NULL, words TEXT NOT NULL, next INTEGER, trouble TEXT NOT NULL,
                current INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS run(
                schedule TEXT NOT NULL, due INTEGER NOT NULL, job INTEGER NOT NULL, submitted INTEGER NOT NULL,
                PRIMARY KEY(schedule, due)) WITHOUT ROWID;
            """)
    }

    /// Writes down what cluster.yaml says now. A schedule that is new begins now; what one has done stays.
    package func update(_ schedules: [Schedule], at now: Int64) throws(DatabaseError) {
        try database.transaction { () throws(DatabaseError) in
            try database.execute("UPDATE schedule SET current = 0, next = NULL")
            let add = try database.prepare(
                """
                INSERT INTO schedule(name, since, paused, job, rhythm, words, next, trouble, current)
                VALUES(?1, ?2, 0, 0, ?3, ?4, ?5, '', 1)
                ON CONFLICT(name) DO UPDATE SET rhythm = ?3, words = ?4, next = ?5, current = 1
                """)
            for schedule in schedules {
                try add.bind(schedule.name, at: 1)
                try add.bind(now, at: 2)
                try add.bind(schedule.rhythmWords, at: 3)
                try add.bind(schedule.words.joined(separator: "\u{0}"), at: 4)
                if let next = schedule.next(after: now) { try add.bind(next, at: 5) } else { try add.bindNull(at: 5) }
                try add.run()
            }
        }
    }

    package func entries() throws(DatabaseError) -> [Entry] {
        let rows = try database.prepare(
            "SELECT name, since, fired, paused, job, rhythm, words, next, trouble, current FROM schedule ORDER BY name")
        var all: [Entry] = []
        while try rows.step() {
            all.append(
                Entry(
                    name: rows.text(0),
                    state: Schedule.State(
                        since: rows.integer(1), fired: rows.isNull(2) ? nil : rows.integer(2),
                        isPaused: rows.integer(3) != 0),
                    job: UInt32(clamping: rows.integer(4)), rhythm: rows.text(5),
                    words: rows.text(6).split(separator: "\u{0}", omittingEmptySubsequences: false).map(String.init),
                    next: rows.isNull(7) ? nil : rows.integer(7), trouble: rows.text(8),
                    isCurrent: rows.integer(9) != 0))
        }
        return all
    }
    package func entry(_ name: String) throws(DatabaseError) -> Entry? { try entries().first { $0.name == name } }

    /// A run was submitted. Written once, whoever says so how often.
    package func fired(_ name: String, _ run: Int64, job: UInt32, next: Int64?, at now: Int64) throws(DatabaseError) {
        try database.transaction { () throws(DatabaseError) in
            let add = try database.prepare(
                "INSERT OR IGNORE INTO run(schedule, due, job, submitted) VALUES(?, ?, ?, ?)")
            try add.bind(name, at: 1)
            try add.bind(run, at: 2)
            try add.bind(Int(job), at: 3)
            try add.bind(now, at: 4)
            try add.run()
            let update = try database.prepare(
                "UPDATE schedule SET fired = ?2, job = ?3, next = ?4, trouble = '' WHERE name = ?1")
            try update.bind(name, at: 1)
            try update.bind(run, at: 2)
            try update.bind(Int(job), at: 3)
            if let next { try update.bind(next, at: 4) } else { try update.bindNull(at: 4) }
            try update.run()
        }
    }
    package func trouble(_ name: String, _ words: String) throws(DatabaseError) {
        let update = try database.prepare("UPDATE schedule SET trouble = ? WHERE name = ?")
        try update.bind(words, at: 1)
        try update.bind(name, at: 2)
        try update.run()
    }

    /// As if it had begun now: what came before is neither made up nor submitted again.
    package func anchor(_ name: String, at now: Int64) throws(DatabaseError) {
        let update = try database.prepare("UPDATE schedule SET since = ?, fired = NULL WHERE name = ?")
        try update.bind(now, at: 1)
        try update.bind(name, at: 2)
        try update.run()
    }

    package func pause(_ name: String) throws(DatabaseError) {
        let update = try database.prepare("UPDATE schedule SET paused = 1 WHERE name = ?")
        try update.bind(name, at: 1)
        try update.run()
    }
    /// Runs that fell into the pause were not wanted: they are not made up.
    package func resume(_ name: String, at now: Int64) throws(DatabaseError) {
        let update = try database.prepare("UPDATE schedule SET paused = 0, since = ? WHERE name = ? AND paused = 1")
        try update.bind(now, at: 1)
        try update.bind(name, at: 2)
        try update.run()
    }

    /// A schedule's runs, newest first.
    package func runs(_ name: String, most: Int) throws(DatabaseError) -> [(due: Int64, job: UInt32)] {
        let rows = try database.prepare("SELECT due, job FROM run WHERE schedule = ? ORDER BY due DESC LIMIT ?")
        try rows.bind(name, at: 1)
        try rows.bind(most, at: 2)
        var all: [(Int64, UInt32)] = []
        while try rows.step() { all.append((rows.integer(0), UInt32(clamping: rows.integer(1)))) }
        return all
    }

    /// The token under which a run is submitted: always the same for the same run, never 0.
    package static func token(_ name: String, _ run: Int64) -> UInt64 {
        let hash = BlobID(of: Array("schedule\u{0}\(name)\u{0}\(run)".utf8)).description
        return max(1, UInt64(hash.prefix(16), radix: 16) ?? 1)
    }
}

extension Schedule {
    /// When it runs, for people.
    package var rhythmWords: String {
        func clock(_ minutes: Int) -> String {
            "\(minutes / 60 < 10 ? "0" : "")\(minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60)"
        }
        func moment(_ word: String, _ offset: Int) -> String {
            offset == 0 ? word : "\(word)\(offset > 0 ? "+" : "-")\(abs(offset))m"
        }
        var words: String
        switch rhythm {
        case .every(let minutes, .wholeDay): words = "every \(minutes)m"
        case .every(let minutes, .between(let range)):
            words = "every \(minutes)m \(clock(range.lowerBound))..\(clock(range.upperBound))"
        case .every(let minutes, .session): words = "every \(minutes)m of the session"
        case .daily(.clock(let minutes)): words = "daily \(clock(minutes))"
        case .daily(.open(let offset)): words = "daily \(moment("open", offset))"
        case .daily(.close(let offset)): words = "daily \(moment("close", offset))"
        case .weekly(let weekday, let minutes):
            let names = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
            words = "weekly \(names[weekday]) \(clock(minutes))"
        }
        if days != .all { words += ", \(days.rawValue)" }
        return words + ", \(zone.name)"
    }
}
