import Foundation
import Market

/// What is submitted again and again, and when: one entry of `schedules` in cluster.yaml.
package struct Schedule: Sendable, Equatable {
    package enum Rhythm: Sendable, Equatable {
        /// Every so many minutes, counted from the start of the span on each day.
        case every(minutes: Int, within: Span)
        case daily(Moment)
        /// - Parameter weekday: 0 Sunday … 6 Saturday.
        case weekly(weekday: Int, minutes: Int)
    }
    /// A part of a day.
    package enum Span: Sendable, Equatable {
        case wholeDay
        /// Minutes past midnight, the end not included.
        case between(Range<Int>)
        /// New York's session, short ones included.
        case session
    }
    package enum Moment: Sendable, Equatable {
        /// Minutes past midnight.
        case clock(Int)
        /// Minutes after the session's open or close; before it when negative.
        case open(Int)
        case close(Int)
    }
    package enum Days: String, CaseIterable, Sendable {
        case all, weekdays
        /// Days on which New York's exchanges are open.
        case sessions
    }

    package var name: String
    package var rhythm: Rhythm
    package var days: Days
    package var zone: ZoneClock
    /// What to submit, as the words after `apex submit`.
    package var words: [String]

    package init(name: String, rhythm: Rhythm, days: Days, zone: ZoneClock, words: [String]) {
        self.name = name
        self.rhythm = rhythm
        self.days = days
        self.zone = zone
        self.words = words
    }

    /// The day of an instant by the schedule's clock, as yyyymmdd.
    package func date(of instant: Int64) -> Int32 { MarketDate.date(dayNumber: zone.dayNumber(of: instant)) }

    /// The instants at which a local day's runs begin, ascending: milliseconds since 1970 UTC.
    /// - Parameter day: days since 1970-01-01 of the zone's calendar; of New York's where the session counts.
    func instants(on day: Int) -> [Int64] {
        let weekday = NewYorkTime.weekday(dayNumber: day)
        switch days {
        case .all: break
        case .weekdays where weekday == 0 || weekday == 6: return []
        case .sessions where TradingSession(dayNumber: day) == nil: return []
        default: break
        }
        switch rhythm {
        case .weekly(weekday, let minutes): return [zone.instant(day: day, minutes: minutes)]
        case .weekly: return []
        case .daily(.clock(let minutes)): return [zone.instant(day: day, minutes: minutes)]
        case .daily(.open(let offset)):
            return TradingSession(dayNumber: day).map { [$0.opens + Int64(offset) * 60_000] } ?? []
        case .daily(.close(let offset)):
            return TradingSession(dayNumber: day).map { [$0.closes + Int64(offset) * 60_000] } ?? []
        case .every(let minutes, let span):
            let bounds: Range<Int64>
            switch span {
            case .wholeDay: bounds = zone.instant(day: day, minutes: 0)..<zone.instant(day: day + 1, minutes: 0)
            case .between(let range):
                let start = zone.instant(day: day, minutes: range.lowerBound)
                bounds = start..<max(start, zone.instant(day: day, minutes: range.upperBound))
            case .session:
                guard let session = TradingSession(dayNumber: day) else { return [] }
                bounds = session.opens..<session.closes
            }
            return Array(stride(from: bounds.lowerBound, to: bounds.upperBound, by: minutes * 60_000))
        }
    }
}

extension Schedule {
    /// How far a run may lie from midnight of its day: offsets of open and close are below it.
    package static let mostOffsetMinutes = 12 * 60
    /// No rhythm pauses for longer, not even a weekly one on days with a session.
    private static let searchDays = 100

    /// The newest run that should have begun by now; nil when none did lately.
    package func newest(by now: Int64) -> Int64? {
        let today = zone.dayNumber(of: now)
        // A run of tomorrow may begin today, before its open; days ascend as their runs do.
        for day in stride(from: today + 1, through: today - Self.searchDays, by: -1) {
            if let run = instants(on: day).last(where: { $0 <= now }) { return run }
        }
        return nil
    }
    package func next(after now: Int64) -> Int64? {
        let today = zone.dayNumber(of: now)
        for day in (today - 1)...(today + Self.searchDays) {
            if let run = instants(on: day).first(where: { $0 > now }) { return run }
        }
        return nil
    }

    /// What a schedule has done, as it is stored.
    package struct State: Sendable, Equatable {
        /// Runs up to this instant are not asked for: when the schedule was first seen, or last resumed.
        package var since: Int64
        /// The newest run that was submitted.
        package var fired: Int64?
        package var isPaused: Bool
        package init(since: Int64, fired: Int64? = nil, isPaused: Bool = false) {
            self.since = since
            self.fired = fired
            self.isPaused = isPaused
        }
    }

    /// The run to submit now, if any. Pure: the clock is the caller's.
    ///
    /// However many runs were missed, only the newest is made up, and once. A run waits for the one before it to end. A
    /// clock that goes back asks for nothing twice.
    /// - Parameters: isBusy: the job of the run before is not over. now: milliseconds since 1970 UTC.
    package func due(_ state: State, isBusy: Bool, at now: Int64) -> Int64? {
        guard !state.isPaused, !isBusy, let run = newest(by: now), run > max(state.since, state.fired ?? .min) else {
            return nil
        }
        return run
    }
}

/// The clock on a wall somewhere.
package struct ZoneClock: Sendable, Equatable {
    private let zone: TimeZone
    package var name: String { zone.identifier }

    /// - Parameter name: of the time zone database, as `America/New_York`.
    package init?(_ name: String) {
        guard let zone = TimeZone(identifier: name) else { return nil }
        self.zone = zone
    }

    private func offset(_ instant: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant) / 1000))) * 1000
    }
    package func dayNumber(of instant: Int64) -> Int {
        let local = instant + offset(instant)
        return Int(
            (local - (local % BarDay.milliseconds + BarDay.milliseconds) % BarDay.milliseconds) / BarDay.milliseconds)
    }
    /// The instant at which the clock shows `minutes` past midnight of a day. A time that clocks skip is that much after
    /// the hour they skip to; one that they show twice is the first.
    package func instant(day: Int, minutes: Int) -> Int64 {
        let local = Int64(day) * BarDay.milliseconds + Int64(minutes) * 60_000
        // No two changes lie within two days of each other.
        let before = offset(local - BarDay.milliseconds)
        let after = offset(local + BarDay.milliseconds)
        let early = local - before
        let late = local - after
        // While the offset of before still holds at `early`, that is the (first) time the clock shows it.
        if offset(early) == before { return early }
        return offset(late) == after ? late : early
    }
    private enum BarDay { static let milliseconds: Int64 = 86_400_000 }
}
