import Blobs
import CoordinatorCore
import Messages
import Planners
import Store

/// `reuse.sqlite`: results of finished tasks, by what they depend on. A task that was computed before, with the same code
/// and the same inputs, is answered from here and not run.
///
/// Bounded: what was not asked for or added for longest goes first. Losing it costs time, never a result, so that a disk
/// that is full or a file that cannot be read only ends the reuse. Lives on the planning thread.
struct ReuseStore: ~Copyable {
    /// Results kept at most, and their bytes in all.
    static let maximumResults = 1 << 20
    static let maximumBytes = 256 << 20
    /// A longer result is not kept: reading it would keep the other planners waiting.
    private static let maximumResultBytes = 4 << 20
    /// Dropped below the bound at once, so that it is seldom done.
    private static let slack = 8
    /// Results added in one transaction at most.
    private static let batch = 256

    private let database: Database
    private let find: Statement
    private let add: Statement
    private let use: Statement
    private let drop: Statement
    private let limit: (results: Int, bytes: Int)
    private var count = 0
    private var bytes = 0
    /// Rises with every use and every start.
    private var clock: Int64
    private var isOpen = false
    private var waiting = 0

    /// - Throws: when there is no such file and none can be made.
    init(path: String, maximumResults: Int = Self.maximumResults, maximumBytes: Int = Self.maximumBytes)
        throws(DatabaseError)
    {
        let database = try Database(path: path, mode: .cache)
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS results(key BLOB PRIMARY KEY, result BLOB NOT NULL, used INTEGER NOT NULL)
                WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS results_by_use ON results(used)
            """)
        let sums = try database.prepare("SELECT count(*), total(length(result)), ifnull(max(used), 0) FROM results")
        _ = try sums.step()
        let (count, bytes, clock) = (Int(sums.integer(0)), Int(sums.integer(1)), sums.integer(2))
        sums.reset()
        // Locals first: a value that cannot be copied is either whole or not there.
        let find = try database.prepare("SELECT result FROM results WHERE key=?1")
        let add = try database.prepare("INSERT OR IGNORE INTO results(key, result, used) VALUES(?1, ?2, ?3)")
        let use = try database.prepare("UPDATE results SET used=?2 WHERE key=?1")
        let drop = try database.prepare("DELETE FROM results WHERE key=?1")
        self.database = database
        self.find = find
        self.add = add
        self.use = use
        self.drop = drop
        self.count = count
        self.bytes = bytes
        self.clock = clock
        limit = (maximumResults, maximumBytes)
    }

    /// Names what a task's result depends on; nil for kinds that are always run.
    static func key(kind: String, task: [UInt8]) -> BlobID? {
        guard let version = PlannerList.reusableVersion(of: kind) else { return nil }
        return BlobID(of: ReuseKey.bytes(kind: kind, codeVersion: version, task: task))
    }

    mutating func result(of key: BlobID) throws(DatabaseError) -> [UInt8]? {
        try find.bind(blob: key.bytes, at: 1)
        let found = try find.step() ? find.blob(0) : nil
        find.reset()
        guard let found else { return nil }
        try begin()
        clock += 1
        try use.bind(blob: key.bytes, at: 1)
        try use.bind(clock, at: 2)
        try use.run()
        return found
    }

    mutating func keep(_ result: [UInt8], of key: BlobID) throws(DatabaseError) {
        guard result.count <= min(Self.maximumResultBytes, limit.bytes / 2) else { return }
        try find.bind(blob: key.bytes, at: 1)
        let isKnown = try find.step()
        find.reset()
        guard !isKnown else { return }
        try begin()
        clock += 1
        try add.bind(blob: key.bytes, at: 1)
        try add.bind(blob: result, at: 2)
        try add.bind(clock, at: 3)
        try add.run()
        count += 1
        bytes += result.count
        if count > limit.results || bytes > limit.bytes { try dropOldest() }
        waiting += 1
        if waiting >= Self.batch { try flush() }
    }

    /// What was added is in the file.
    mutating func flush() throws(DatabaseError) {
        guard isOpen else { return }
        isOpen = false
        waiting = 0
        try database.commit()
    }

    private mutating func begin() throws(DatabaseError) {
        guard !isOpen else { return }
        try database.begin()
        isOpen = true
    }

    private mutating func dropOldest() throws(DatabaseError) {
        let oldest = try database.prepare("SELECT key, length(result) FROM results ORDER BY used")
        var gone: [(key: [UInt8], bytes: Int)] = []
        var (count, bytes) = (count, bytes)
        while count > limit.results - limit.results / Self.slack || bytes > limit.bytes - limit.bytes / Self.slack,
            try oldest.step()
        {
            gone.append((oldest.blob(0), Int(oldest.integer(1))))
            count -= 1
            bytes -= gone.last!.bytes
        }
        oldest.reset()
        for entry in gone {
            try drop.bind(blob: entry.key, at: 1)
            try drop.run()
        }
        (self.count, self.bytes) = (count, bytes)
    }
}
