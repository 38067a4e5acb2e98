import Schedules

extension Configuration {
    /// A schedule and the line it begins in, for what is found wrong in it later.
    package struct ScheduleEntry: Sendable, Equatable {
        package var schedule: Schedule
        package var line: Int
    }

    /// Reads the section `schedules`: a name for each, and under it `every`, `daily` or `weekly`, and `run`.
    static func schedules(_ yaml: YAML, file: String) throws(ConfigurationError) -> [ScheduleEntry] {
        if yaml.isEmpty { return [] }
        guard case .mapping(let pairs, _) = yaml else {
            throw ConfigurationError("\(file):\(yaml.line): schedules is \(yaml.words); give a name for each.")
        }
        var entries: [ScheduleEntry] = []
        for pair in pairs {
            guard pair.key.utf8.count <= 64, pair.key.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 }),
                !pair.key.isEmpty
            else {
                throw ConfigurationError(
                    "\(file):\(pair.line): a schedule is named \(Value.shortened(pair.key)); give 1 to 64 letters without blanks."
                )
            }
            entries.append(
                ScheduleEntry(schedule: try schedule(pair.key, pair.value, line: pair.line, file), line: pair.line))
        }
        return entries
    }

    private static let keys = ["every", "daily", "weekly", "between", "days", "zone", "run"]

    private static func schedule(
        _ name: String, _ yaml: YAML, line: Int, _ file: String
    ) throws(ConfigurationError) -> Schedule {
        guard case .mapping(let pairs, _) = yaml else {
            throw ConfigurationError(
                "\(file):\(line): the schedule \(name) is \(yaml.words); give lines like `daily: \"16:30\"` and `run: […]`."
            )
        }
        var values: [String: ScheduleValue] = [:]
        for pair in pairs {
            guard keys.contains(pair.key) else {
                throw ConfigurationError(
                    "\(file):\(pair.line): there is no setting \(Value.shortened(pair.key)) of a schedule; there are "
                        + "\(keys.joined(separator: ", ")).")
            }
            values[pair.key] = ScheduleValue(key: pair.key, yaml: pair.value, line: pair.line, file: file)
        }
        func wrong(_ words: String) -> ConfigurationError {
            ConfigurationError("\(file):\(line): the schedule \(name) \(words).")
        }
        guard let run = values["run"] else { throw wrong("has no run; give the words after `apex submit` as a list") }
        let zoneName = try values["zone"]?.text() ?? "America/New_York"
        guard let zone = ZoneClock(zoneName) else {
            throw values["zone"]?.error("give a time zone as America/New_York or Europe/Berlin")
                ?? wrong("needs the time zone database for \(zoneName); install tzdata")
        }
        let days = try values["days"]?.days() ?? .all
        let between = try values["between"]?.between()
        let rhythms = ["every", "daily", "weekly"].compactMap { values[$0] }
        guard rhythms.count == 1, let given = rhythms.first else {
            throw wrong("has \(rhythms.isEmpty ? "none" : "more than one") of every, daily and weekly; give one")
        }
        let rhythm: Schedule.Rhythm
        switch given.key {
        case "every": rhythm = .every(minutes: try given.minutes(), within: between ?? .wholeDay)
        case "daily": rhythm = .daily(try given.moment())
        default: rhythm = try given.weekly()
        }
        guard between == nil || given.key == "every" else { throw wrong("has between, which goes with every") }
        return Schedule(name: name, rhythm: rhythm, days: days, zone: zone, words: try run.words())
    }
}

/// A setting of a schedule as written, and the ways to understand it.
private struct ScheduleValue {
    var key: String
    var yaml: YAML
    var line: Int
    var file: String

    func error(_ advice: String) -> ConfigurationError {
        ConfigurationError("\(file):\(line): \(key) is \(yaml.words); \(advice).")
    }
    func text() throws(ConfigurationError) -> String {
        guard case .scalar(let text, _, _) = yaml, !text.isEmpty else { throw error("give one value") }
        return text
    }
    func words() throws(ConfigurationError) -> [String] {
        let advice = "give the words after `apex submit` as a list, such as [command, --, sh, -c, date]"
        guard case .sequence(let items, _) = yaml, !items.isEmpty else { throw error(advice) }
        var words: [String] = []
        for item in items {
            guard case .scalar(let text, _, _) = item, !text.utf8.contains(0) else { throw error(advice) }
            words.append(text)
        }
        return words
    }
    func days() throws(ConfigurationError) -> Schedule.Days {
        guard let days = Schedule.Days(rawValue: try text()) else {
            throw error("give \(Schedule.Days.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return days
    }

    /// `5m` or `2h`, at most a day.
    func minutes() throws(ConfigurationError) -> Int {
        let text = try text()
        guard let unit = text.last, unit == "m" || unit == "h", let count = Int(text.dropLast()), count > 0,
            count <= 1440, count * (unit == "h" ? 60 : 1) <= 1440
        else { throw error("give minutes or hours up to a day, such as 5m or 2h") }
        return count * (unit == "h" ? 60 : 1)
    }
    /// `16:30`, 00:00 to 24:00.
    private static func clock(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
            parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }), let hours = Int(parts[0]),
            let minutes = Int(parts[1]), hours <= 24, minutes < 60, hours * 60 + minutes <= 1440
        else { return nil }
        return hours * 60 + minutes
    }
    /// `09:30..16:00` or `session`.
    func between() throws(ConfigurationError) -> Schedule.Span {
        let text = try text()
        if text == "session" { return .session }
        guard let dots = text.range(of: ".."), let start = Self.clock(text[..<dots.lowerBound]),
            let end = Self.clock(text[dots.upperBound...]), start < end
        else { throw error("give two times of one day, such as 09:30..16:00, or session") }
        return .between(start..<end)
    }
    /// `16:30`, `close+30m`, `open-1h`, `close`.
    func moment() throws(ConfigurationError) -> Schedule.Moment {
        let text = try text()
        if let clock = Self.clock(text[...]), clock < 1440 { return .clock(clock) }
        for (word, make) in [("open", Schedule.Moment.open), ("close", Schedule.Moment.close)]
        where text.hasPrefix(word) {
            let rest = text.dropFirst(word.count)
            if rest.isEmpty { return make(0) }
            guard let sign = rest.first, sign == "+" || sign == "-" else { break }
            let offset = ScheduleValue(
                key: key, yaml: .scalar(String(rest.dropFirst()), line: line), line: line, file: file)
            guard let minutes = try? offset.minutes(), minutes < Schedule.mostOffsetMinutes else { break }
            return make(sign == "+" ? minutes : -minutes)
        }
        throw error("give a time such as 16:30, close+30m or open-15m (less than 12h)")
    }
    /// `saturday 06:00`
    func weekly() throws(ConfigurationError) -> Schedule.Rhythm {
        let parts = try text().lowercased().split(separator: " ")
        let names = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
        guard parts.count == 2, let day = names.firstIndex(of: String(parts[0])), let minutes = Self.clock(parts[1]),
            minutes < 1440
        else { throw error("give a day and a time, such as saturday 06:00") }
        return .weekly(weekday: day, minutes: minutes)
    }
}
