import Foundation
import Jobs
import Messages
import Store
import Studies
import Synchronization
import TestSupport
import Testing

// What other programs may do to studies.sqlite while a study runs.

@Test func `another program's trials stand between ours, and every number is its rank`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    let trials = MadeUp.trials(20, of: spec, seed: 9)
    let all = MadeUp.publications(spec, trials)
    var store = try shelf.open()
    try store.apply(Array(all[..<12]), of: Shelf.job, at: MadeUp.now)
    let others = try Database(path: shelf.database, mode: .durable)
    func add() throws {
        try others.execute(
            """
            INSERT INTO trials(number, study_id, state, datetime_start)
            SELECT COUNT(*), study_id, 'COMPLETE', '2026-01-30 18:00:00.000000' FROM trials;
            INSERT INTO trial_values(trial_id, objective, value, value_type) VALUES(last_insert_rowid(), 0, 7, 'FINITE')
            """)
    }
    try add()
    try store.apply(Array(all[12..<20]), of: Shelf.job, at: MadeUp.now)
    try add()
    // After a restart, too.
    store = try shelf.open()
    try store.apply(all, of: Shelf.job, at: MadeUp.now)
    try add()
    let found = try StudyFile(shelf.database).read("fit").trials
    #expect(found.count == 23)
    let ours = found.filter { $0.asked > 0 }.sorted { $0.asked < $1.asked }
    #expect(ours.map(\.asked) == trials.map(\.asked))
    for (a, b) in zip(ours, trials) { #expect(a.state == b.state && bits(a.values) == bits(b.values)) }
    let ranks = try others.prepare("SELECT number FROM trials ORDER BY trial_id")
    var rank: Int64 = 0
    while try ranks.step() {
        #expect(ranks.integer(0) == rank)
        rank += 1
    }
    #expect(rank == 23)
    #expect(try shelf.lines().count == 20)
}

@Test func `a trial of ours that another program ends stays as it was ended`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    let trial = MadeUp.trials(1, of: spec, seed: 2)[0]
    let store = try shelf.open()
    try store.apply([.study(spec), .trial(study: "fit", MadeUp.running(trial))], of: Shelf.job, at: MadeUp.now)
    let others = try Database(path: shelf.database, mode: .durable)
    try others.execute("UPDATE trials SET state='FAIL', datetime_complete='2026-01-30 18:00:00.000000'")
    let before = try shelf.dump()
    try store.apply([.trial(study: "fit", trial)], of: Shelf.job, at: MadeUp.now)
    #expect(try shelf.dump() == before)
    #expect(store.takeRemarks() == ["trial 0 of study fit was ended by another program, and stays so"])
    #expect(store.takeRemarks().isEmpty)
}

@Test func `a study that another program removes is left alone until a restart writes it again`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    let all = MadeUp.publications(spec, MadeUp.trials(6, of: spec, seed: 2))
    var store = try shelf.open()
    try store.apply(Array(all[..<9]), of: Shelf.job, at: MadeUp.now)
    let others = try Database(path: shelf.database, mode: .durable)
    let tables = try others.prepare("SELECT name FROM sqlite_master WHERE type='table' AND name LIKE '%trial%'")
    var names: [String] = []
    while try tables.step() { names.append(tables.text(0)) }
    for name in names + ["study_directions", "study_system_attributes", "studies"] {
        try others.execute("DELETE FROM \(name)")
    }
    try store.apply(Array(all[9...]), of: Shelf.job, at: MadeUp.now)
    #expect(store.takeRemarks().count == 1)
    #expect(try shelf.dump().filter { $0.hasPrefix("trials:") }.isEmpty)
    store = try shelf.open()
    try store.apply(all, of: Shelf.job, at: MadeUp.now)
    #expect(try StudyFile(shelf.database).read("fit").trials.count == 6)
}

@Test func `a file that another program holds is waited for, and one held too long loses nothing`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    let all = MadeUp.publications(spec, MadeUp.trials(8, of: spec, seed: 4))
    let store = try shelf.open(patience: .milliseconds(300))
    try store.apply(Array(all[..<4]), of: Shelf.job, at: MadeUp.now)
    let others = try Database(path: shelf.database, mode: .durable)
    try others.begin()
    let error = #expect(throws: DatabaseError.self) {
        try store.apply(Array(all[4...]), of: Shelf.job, at: MadeUp.now)
    }
    #expect(error?.cause == .locked)
    try others.rollback()
    try store.apply(Array(all[4...]), of: Shelf.job, at: MadeUp.now)
    #expect(try StudyFile(shelf.database).read("fit").trials.count == 8)
    #expect(try shelf.lines().count == 8)

    // Held for a while by another thread: the writer waits for it.
    let patient = try shelf.open(patience: .seconds(30))
    let path = shelf.database
    let (held, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let thread = Thread {
        guard let other = try? Database(path: path, mode: .durable), (try? other.begin()) != nil else { return }
        held.signal()
        // The time that is waited is the subject.
        usleep(700_000)
        try? other.rollback()
        done.signal()
    }
    thread.start()
    held.wait()
    let begun = ContinuousClock.now
    try patient.apply(all, of: Shelf.job, at: MadeUp.now)
    #expect(ContinuousClock.now - begun > .milliseconds(300))
    done.wait()
    #expect(try StudyFile(shelf.database).read("fit").trials.count == 8)
}

@Test func `a file that is no study database is refused in words`() throws {
    let shelf = Shelf()
    func refused(_ part: String) {
        let opening = #expect(throws: DatabaseError.self) { _ = try shelf.open() }
        #expect(opening?.description.contains(part) == true, "\(opening?.description ?? "")")
        let reading = #expect(throws: DatabaseError.self) { _ = try StudyFile(shelf.database) }
        #expect(reading?.description.contains(part) == true, "\(reading?.description ?? "")")
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: shelf.database + suffix) }
    }
    try Data(repeating: 65, count: 9000).write(to: URL(fileURLWithPath: shelf.database))
    refused("not a database")
    func sqlite(_ sql: String) throws {
        try Database(path: shelf.database, mode: .durable).execute(sql)
    }
    try sqlite("CREATE TABLE notes(a)")
    refused("no study database")
    for (change, part) in [
        ("UPDATE version_info SET schema_version=11", "version 11"),
        ("UPDATE alembic_version SET version_num='v2.6.0.a'", "v2.6.0.a"), ("DROP TABLE alembic_version", "none"),
    ] {
        _ = try shelf.open()
        try sqlite(change)
        refused(part)
    }
    let missing = #expect(throws: DatabaseError.self) { _ = try StudyFile(shelf.database) }
    #expect(missing?.cause == .cannotOpen)
}
