import Foundation
import Store
import Testing

/// A folder of its own for one test, gone afterwards.
struct Folder: ~Copyable {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("apex-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }
    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

@Test func `what is bound comes back, whatever its type`() throws {
    let folder = try Folder()
    let database = try Database(path: folder.file("a.sqlite"), mode: .durable)
    try database.execute("CREATE TABLE t (i INTEGER, d REAL, s TEXT, e TEXT, b BLOB, z BLOB, n TEXT)")
    let insert = try database.prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)")
    for sign in [1, -1] {
        try insert.bind(sign * Int.max, at: 1)
        try insert.bind(Double(sign) * 0.1, at: 2)
        try insert.bind("naïve 'quotes' \(sign)", at: 3)
        try insert.bind("", at: 4)
        try insert.bind(blob: [0, 255, 0], at: 5)
        try insert.bind(blob: [], at: 6)
        try insert.bindNull(at: 7)
        try insert.run()
    }
    #expect(database.lastInsertRowID == 2)
    let rows = try database.prepare("SELECT * FROM t ORDER BY rowid")
    for sign in [1, -1] {
        #expect(try rows.step() == true)
        #expect(rows.integer(0) == Int64(sign * Int.max))
        #expect(rows.double(1) == Double(sign) * 0.1)
        #expect(rows.text(2) == "naïve 'quotes' \(sign)")
        #expect(rows.text(3) == "" && !rows.isNull(3))
        #expect(rows.blob(4) == [0, 255, 0])
        #expect(rows.blob(5) == [] && !rows.isNull(5))
        #expect(rows.isNull(6) == true)
    }
    let more = try rows.step()
    #expect(!more)
    #expect(rows.columnCount == 7 && rows.columnName(2) == "s")
}

@Test func `a transaction that throws leaves nothing behind, one that returns survives reopening`() throws {
    let folder = try Folder()
    let path = folder.file("a.sqlite")
    do {
        let database = try Database(path: path, mode: .durable)
        try database.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
        try database.transaction { () throws(DatabaseError) in try database.execute("INSERT INTO t VALUES (1)") }
        let error = #expect(throws: DatabaseError.self) {
            try database.transaction { () throws(DatabaseError) in
                try database.execute("INSERT INTO t VALUES (2)")
                try database.execute("INSERT INTO t VALUES (1)")
            }
        }
        #expect(error?.cause == .constraint)
        #expect(database.isInTransaction == false)
    }
    let database = try Database(path: path, mode: .readOnly)
    let count = try database.prepare("SELECT count(*), max(i) FROM t")
    #expect(try count.step() == true)
    #expect(count.integer(0) == 1 && count.integer(1) == 1)
    #expect(throws: DatabaseError.self) { try database.execute("INSERT INTO t VALUES (3)") }
}

@Test func `errors say which file, what was being done and what to do`() throws {
    let folder = try Folder()
    func error(_ body: () throws -> Void) -> DatabaseError? { #expect(throws: DatabaseError.self) { try body() } }

    let missing = error { _ = try Database(path: folder.file("none.sqlite"), mode: .readOnly) }
    #expect(missing?.cause == .cannotOpen)
    #expect(missing?.description.contains("none.sqlite: opening") == true)

    try Data("this is text, long enough to be looked at as a header, but it is not SQLite's".utf8)
        .write(to: URL(fileURLWithPath: folder.file("text.sqlite")))
    let damaged = error { _ = try Database(path: folder.file("text.sqlite"), mode: .durable) }
    #expect(damaged?.cause == .corrupt)
    #expect(damaged?.description.contains("move it away") == true)

    let path = folder.file("busy.sqlite")
    let first = try Database(path: path, mode: .durable)
    try first.execute("CREATE TABLE t (i)")
    try first.begin()
    let locked = error {
        try Database(path: path, mode: .durable, busyTimeout: .milliseconds(1)).execute("INSERT INTO t VALUES (1)")
    }
    #expect(locked?.cause == .locked)
    try first.rollback()

    // SQLite's own limit on pages stands for the end of the disk: it gives the same code.
    try first.execute("PRAGMA max_page_count=3; CREATE TABLE u (b)")
    let full = error { try first.execute("INSERT INTO u VALUES (zeroblob(100000))") }
    #expect(full?.cause == .diskFull)
    #expect(full?.description.contains("disk is full") == true)

    let wrong = error { _ = try first.prepare("SELECT nonsense FROM t") }
    #expect(wrong?.description.contains("nonsense") == true)
    #expect(error { _ = try first.prepare("  ") }?.cause == .other)
}
