import Configuration
import Foundation
import Market
import Schedules
import TestSupport
import Testing

/// `2026-03-08T06:30Z` as milliseconds since 1970.
func utc(_ text: String) -> Int64 {
    let date = MarketDate.parse(String(text.prefix(10)))!
    let clock = text.dropFirst(11).prefix(5).split(separator: ":").map { Int64($0)! }
    return Int64(MarketDate.dayNumber(date)) * 86_400_000 + (clock[0] * 60 + clock[1]) * 60_000
}

func schedule(
    _ rhythm: Schedule.Rhythm, days: Schedule.Days = .all, zone: String = "America/New_York", name: String = "one"
) -> Schedule {
    Schedule(name: name, rhythm: rhythm, days: days, zone: ZoneClock(zone)!, words: ["noop", "--count", "1"])
}

/// Every run from one instant to another, as a scheduler that never sleeps would see them begin.
func runs(_ schedule: Schedule, _ from: String, _ to: String) -> [Int64] {
    var all: [Int64] = []
    var at = utc(from)
    while let next = schedule.next(after: at), next <= utc(to) {
        all.append(next)
        at = next
    }
    return all
}

@Test func `a daily run keeps to the clock on the wall when clocks change`() {
    let daily = schedule(.daily(.clock(16 * 60 + 30)))
    #expect(
        runs(daily, "2026-03-06T22:00Z", "2026-03-10T00:00Z")
            == ["2026-03-07T21:30Z", "2026-03-08T20:30Z", "2026-03-09T20:30Z"].map(utc))
    #expect(
        runs(daily, "2026-10-31T00:00Z", "2026-11-02T00:00Z") == ["2026-10-31T20:30Z", "2026-11-01T21:30Z"].map(utc))
}

@Test func `a time that clocks skip runs an hour on, one that they show twice runs once`() {
    // New York goes from 2:00 to 3:00 on 8 March 2026, and from 2:00 back to 1:00 on 1 November.
    let skipped = schedule(.daily(.clock(2 * 60 + 30)))
    #expect(
        runs(skipped, "2026-03-07T12:00Z", "2026-03-09T12:00Z") == ["2026-03-08T07:30Z", "2026-03-09T06:30Z"].map(utc))
    let twice = schedule(.daily(.clock(60 + 30)))
    #expect(
        runs(twice, "2026-10-31T12:00Z", "2026-11-02T12:00Z") == ["2026-11-01T05:30Z", "2026-11-02T06:30Z"].map(utc))
    let berlin = schedule(.daily(.clock(2 * 60 + 30)), zone: "Europe/Berlin")
    #expect(
        runs(berlin, "2026-03-28T12:00Z", "2026-03-30T12:00Z") == ["2026-03-29T01:30Z", "2026-03-30T00:30Z"].map(utc))
}

@Test func `a loop of half hours has 46 runs on the short day and 50 on the long one`() {
    let loop = schedule(.every(minutes: 30, within: .wholeDay))
    #expect(runs(loop, "2026-03-08T04:59Z", "2026-03-09T03:59Z").count == 46)
    #expect(runs(loop, "2026-11-01T03:59Z", "2026-11-02T04:59Z").count == 50)
    let all = runs(loop, "2026-10-31T00:00Z", "2026-11-03T00:00Z")
    #expect(zip(all, all.dropFirst()).allSatisfy { $1 - $0 == 1_800_000 })
}

@Test func `sessions leave out holidays and end early on half days`() {
    let close = schedule(.daily(.close(30)), days: .sessions)
    // 26 November 2026 is Thanksgiving, the day after closes at 13:00.
    #expect(
        runs(close, "2026-11-25T00:00Z", "2026-11-30T23:00Z")
            == ["2026-11-25T21:30Z", "2026-11-27T18:30Z", "2026-11-30T21:30Z"].map(utc))
    let loop = schedule(.every(minutes: 60, within: .session), days: .sessions)
    #expect(
        runs(loop, "2026-11-26T00:00Z", "2026-11-28T00:00Z")
            == ["2026-11-27T14:30Z", "2026-11-27T15:30Z", "2026-11-27T16:30Z", "2026-11-27T17:30Z"].map(utc))
    let weekly = schedule(.weekly(weekday: 6, minutes: 6 * 60))
    #expect(
        runs(weekly, "2026-11-20T00:00Z", "2026-11-30T00:00Z") == ["2026-11-21T11:00Z", "2026-11-28T11:00Z"].map(utc))
    let between = schedule(.every(minutes: 45, within: .between(570..<660)), days: .weekdays)
    #expect(
        runs(between, "2026-06-19T00:00Z", "2026-06-22T13:00Z") == ["2026-06-19T13:30Z", "2026-06-19T14:15Z"].map(utc))
}

@Test func `missed runs are made up by one, and never twice`() {
    let daily = schedule(.daily(.clock(18 * 60)), zone: "UTC")
    var state = Schedule.State(since: utc("2026-05-01T12:00Z"))
    #expect(daily.due(state, isBusy: false, at: utc("2026-05-01T17:59Z")) == nil)
    #expect(daily.due(state, isBusy: false, at: utc("2026-05-01T18:00Z")) == utc("2026-05-01T18:00Z"))
    // Away for five days: the newest of them, once.
    let back = utc("2026-05-06T09:00Z")
    #expect(daily.due(state, isBusy: false, at: back) == utc("2026-05-05T18:00Z"))
    #expect(daily.due(state, isBusy: true, at: back) == nil, "the run before has not ended")
    state.fired = utc("2026-05-05T18:00Z")
    #expect(daily.due(state, isBusy: false, at: back) == nil)
    #expect(daily.due(state, isBusy: false, at: utc("2026-05-02T19:00Z")) == nil, "a clock that went back")
    state.isPaused = true
    #expect(daily.due(state, isBusy: false, at: utc("2026-05-07T00:00Z")) == nil)
}

@Test(arguments: seeds(50))
func `whenever one looks, each run fires at most once, and the newest is never left out`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let zone = ["America/New_York", "Europe/Berlin", "UTC", "Australia/Lord_Howe"][random.next(below: 4)]
    let rhythms: [Schedule.Rhythm] = [
        .every(minutes: 1 + random.next(below: 600), within: .wholeDay), .every(minutes: 7, within: .session),
        .daily(.clock(random.next(below: 1440))), .daily(.close(random.next(below: 600) - 300)),
        .weekly(weekday: random.next(below: 7), minutes: random.next(below: 1440)),
    ]
    let one = schedule(
        rhythms[random.next(below: rhythms.count)], days: Schedule.Days.allCases[random.next(below: 3)], zone: zone)
    var now = utc("2026-02-25T00:00Z") + Int64(random.next(below: 86_400_000))
    var state = Schedule.State(since: now)
    var fired: [Int64] = []
    for _ in 0..<300 {
        now += Int64(random.next(below: random.next(below: 10) == 0 ? 5 * 86_400_000 : 3_600_000))
        if let run = one.due(state, isBusy: false, at: now) {
            #expect(run <= now && run > state.since)
            #expect(fired.last.map { $0 < run } ?? true)
            fired.append(run)
            state.fired = run
        }
        #expect(one.due(state, isBusy: false, at: now) == nil)
        // What began since the newest that fired would still be due.
        if let newest = one.newest(by: now), newest > state.since { #expect(state.fired == newest) }
        if let next = one.next(after: now) { #expect(one.newest(by: next) == next) }
    }
}

@Test func `schedules are read from cluster.yaml and what is wrong is said with its line`() throws {
    let text = """
        schedules:
          realtime:
            every: 5m
            between: session
            days: sessions
            run: [noop, --count, "3"]
          after-close:
            daily: close+30m
            days: sessions
            zone: America/New_York
            run: [command, --, sh, -c, date]
          weekend:
            weekly: saturday 06:00
            zone: Europe/Berlin
            run: [noop, --count, "1"]
        """
    let schedules = try Configuration(yaml: Array(text.utf8)).schedules.map(\.schedule)
    #expect(schedules.map(\.name) == ["realtime", "after-close", "weekend"])
    #expect(schedules[0].rhythm == .every(minutes: 5, within: .session) && schedules[0].days == .sessions)
    #expect(schedules[1].rhythm == .daily(.close(30)))
    #expect(schedules[1].words == ["command", "--", "sh", "-c", "date"])
    #expect(schedules[2].rhythm == .weekly(weekday: 6, minutes: 360) && schedules[2].zone.name == "Europe/Berlin")

    for (wrong, said) in [
        ("daily: \"25:00\"\n    run: [noop]", "3: daily is"), ("daily: close+13h\n    run: [noop]", "3: daily is"),
        ("every: 0m\n    run: [noop]", "3: every is"), ("weekly: someday 06:00\n    run: [noop]", "3: weekly is"),
        ("every: 5m\n    daily: \"16:00\"\n    run: [noop]", "more than one"), ("run: [noop]", "none of every"),
        ("daily: \"16:00\"", "has no run"), ("daily: \"16:00\"\n    run: noop", "4: run is"),
        ("daily: \"16:00\"\n    run: [noop]\n    zone: Mars/Olympus", "5: zone is"),
        ("daily: \"16:00\"\n    run: [noop]\n    often: yes", "5: there is no setting often"),
        ("every: 5m\n    between: 16:00..09:30\n    run: [noop]", "4: between is"),
        ("daily: \"16:00\"\n    days: sometimes\n    run: [noop]", "4: days is"),
    ] {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try Configuration(yaml: Array("schedules:\n  one:\n    \(wrong)\n".utf8))
        }
        #expect(error?.description.contains(said) == true, "\(wrong): \(String(describing: error))")
    }
}
