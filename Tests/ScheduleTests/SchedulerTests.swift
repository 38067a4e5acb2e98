import Foundation
import Schedules
import Scheduling
import Store
import TestSupport
import Testing

private struct Died: Error {}

/// A coordinator as a scheduler sees it: the same token is the same job.
private final class FakeCoordinator {
    private(set) var jobs: [UInt64: UInt32] = [:]
    private(set) var runs: [Int64] = []
    var over: Set<UInt32> = []

    func submit(_ run: Int64, _ token: UInt64) -> UInt32 {
        if let known = jobs[token] { return known }
        let job = UInt32(jobs.count + 1)
        jobs[token] = job
        runs.append(run)
        over.insert(job)
        return job
    }
}

@Test(arguments: seeds(40))
func `a run is one job however often the coordinator dies before or after it is written down`(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let folder = TemporaryFolder("schedules")
    let one = schedule(.every(minutes: 10, within: .wholeDay), zone: "UTC")
    let coordinator = FakeCoordinator()
    var now = utc("2026-05-01T00:01Z")
    let began = now
    var deaths = 0
    for _ in 0..<30 {
        // Another process: nothing is remembered but what is on the disk.
        let scheduler = try Scheduler([one], ScheduleBook(path: folder.path + "/schedules.sqlite"), at: now)
        for _ in 0..<random.next(below: 12) {
            now += Int64(random.next(below: 600_000))
            let fate = random.next(below: 8)
            do {
                _ = try scheduler.look(
                    at: now, isOver: { coordinator.over.contains($0) },
                    submit: { _, run, token in
                        if fate == 0 { throw Died() }
                        let job = coordinator.submit(run, token)
                        // Accepted, and dead before it is written down.
                        if fate == 1 { throw Died() }
                        return job
                    })
            } catch is Died {
                deaths += 1
                break
            }
        }
    }
    // The end in peace.
    let book = try ScheduleBook(path: folder.path + "/schedules.sqlite")
    let last = try Scheduler([one], book, at: now)
    _ = try last.look(at: now, isOver: { _ in true }, submit: { coordinator.submit($1, $2) })
    #expect(Set(coordinator.runs).count == coordinator.runs.count, "a run was two jobs")
    #expect(coordinator.runs == coordinator.runs.sorted())
    #expect(coordinator.runs.last == one.newest(by: now).flatMap { $0 > began ? $0 : nil })
    #expect(deaths > 0 || coordinator.runs.isEmpty || seed > 0)
    let written = try book.runs("one", most: 10_000)
    #expect(Set(written.map(\.due)).isSubset(of: Set(coordinator.runs)))
    for run in written { #expect(coordinator.jobs[ScheduleBook.token("one", run.due)] == run.job) }
}

@Test func `a run waits for the one before it, a pause is not made up, and what cluster.yaml forgets stays known`()
    throws
{
    let folder = TemporaryFolder("schedules")
    let path = folder.path + "/schedules.sqlite"
    let book = try ScheduleBook(path: path)
    let one = schedule(.every(minutes: 10, within: .wholeDay), zone: "UTC")
    let scheduler = try Scheduler([one], book, at: utc("2026-05-01T00:01Z"))
    let coordinator = FakeCoordinator()
    func look(_ time: String, isOver: Bool = true) throws -> Int {
        try scheduler.look(at: utc(time), isOver: { _ in isOver }, submit: { coordinator.submit($1, $2) })
    }
    #expect(try look("2026-05-01T00:09Z") == 0)
    #expect(try look("2026-05-01T00:10Z") == 1)
    #expect(try look("2026-05-01T00:10Z") == 0)
    #expect(try look("2026-05-01T00:35Z", isOver: false) == 0, "the job of 0:10 is still running")
    #expect(try look("2026-05-01T00:36Z") == 1)
    #expect(coordinator.runs == [utc("2026-05-01T00:10Z"), utc("2026-05-01T00:30Z")], "0:20 was missed")
    #expect(try book.entry("one")?.next == utc("2026-05-01T00:40Z"))

    // Another process pauses and resumes.
    let other = try ScheduleBook(path: path)
    try other.pause("one")
    #expect(try look("2026-05-01T01:00Z") == 0)
    try other.resume("one", at: utc("2026-05-01T02:05Z"))
    #expect(try look("2026-05-01T02:06Z") == 0, "what fell into the pause was not wanted")
    #expect(try look("2026-05-01T02:10Z") == 1)

    _ = try Scheduler([], book, at: utc("2026-05-01T03:00Z"))
    let known = try #require(try book.entry("one"))
    #expect(!known.isCurrent && known.state.fired == utc("2026-05-01T02:10Z"))
    // Named again: it goes on where it was, and makes up one.
    let again = try Scheduler([one], book, at: utc("2026-05-01T05:01Z"))
    #expect(
        try again.look(at: utc("2026-05-01T05:01Z"), isOver: { _ in true }, submit: { coordinator.submit($1, $2) }) == 1
    )
    #expect(coordinator.runs.last == utc("2026-05-01T05:00Z"))
}

@Test func `what stands in the way of a run is told and the run is tried again`() throws {
    let folder = TemporaryFolder("schedules")
    let book = try ScheduleBook(path: folder.path + "/schedules.sqlite")
    let one = schedule(.daily(.clock(60)), zone: "UTC")
    let scheduler = try Scheduler([one], book, at: utc("2026-05-01T00:00Z"))
    #expect(throws: Died.self) {
        _ = try scheduler.look(at: utc("2026-05-01T01:00Z"), isOver: { _ in true }, submit: { _, _, _ in throw Died() })
    }
    #expect(try book.entry("one")?.trouble.contains("Died") == true)
    #expect(try scheduler.look(at: utc("2026-05-01T01:05Z"), isOver: { _ in true }, submit: { _, _, _ in 7 }) == 1)
    #expect(try book.entry("one")?.trouble == "" && book.entry("one")?.job == 7)
}

@Test func `one schedule that cannot be submitted keeps no other from its turn`() throws {
    let folder = TemporaryFolder("schedules")
    let book = try ScheduleBook(path: folder.path + "/schedules.sqlite")
    let all = ["a", "b", "c"].map { schedule(.daily(.clock(60)), zone: "UTC", name: $0) }
    let scheduler = try Scheduler(all, book, at: utc("2026-05-01T00:00Z"))
    for minute in ["01:00", "01:01"] {
        #expect(throws: Died.self) {
            _ = try scheduler.look(
                at: utc("2026-05-01T\(minute)Z"), isOver: { _ in true },
                submit: { schedule, _, _ in if schedule.name == "a" { throw Died() } else { 7 } })
        }
    }
    #expect(try book.entry("a")?.state.fired == nil && book.entry("a")?.trouble.contains("Died") == true)
    for name in ["b", "c"] { #expect(try book.runs(name, most: 9).map(\.due) == [utc("2026-05-01T01:00Z")]) }
}

@Test func `a clock that was years ahead once stops no schedule for years`() throws {
    let folder = TemporaryFolder("schedules")
    let book = try ScheduleBook(path: folder.path + "/schedules.sqlite")
    let one = schedule(.daily(.clock(60)), zone: "UTC")
    let coordinator = FakeCoordinator()
    let scheduler = try Scheduler([one], book, at: utc("2026-05-01T00:00Z"))
    func look(_ time: String) throws -> Int {
        try scheduler.look(at: utc(time), isOver: { _ in true }, submit: { coordinator.submit($1, $2) })
    }
    #expect(try look("2026-05-01T01:00Z") == 1)
    #expect(try look("2031-05-01T01:00Z") == 1)
    #expect(try look("2026-05-01T12:00Z") == 0, "what has run does not run again")
    #expect(try look("2026-05-02T00:59Z") == 0)
    #expect(try look("2026-05-02T01:00Z") == 1)
}
