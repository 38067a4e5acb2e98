/// How many log lines one kind of trouble may have, however often it comes: a few at once, then one now and then that says
/// how many were left out.
package struct LineBudget: Sendable {
    package static let atOnce = 5
    package static let period: Duration = .seconds(10)

    private var left = atOnce
    private var began: ContinuousClock.Instant?
    package private(set) var unreported = 0

    package init() {}

    /// Something happened that may be told.
    /// - Returns: how many such went untold since the last line; nil when this one shall be left out as well.
    package mutating func tells(at now: ContinuousClock.Instant = .now) -> Int? {
        guard takes(at: now) else {
            unreported += 1
            return nil
        }
        defer { unreported = 0 }
        return unreported
    }

    /// Nothing happened, but something may still be untold.
    /// - Returns: how many, when a line may say so.
    package mutating func rest(at now: ContinuousClock.Instant = .now) -> Int? {
        guard unreported > 0, takes(at: now) else { return nil }
        defer { unreported = 0 }
        return unreported
    }

    private mutating func takes(at now: ContinuousClock.Instant) -> Bool {
        let start = began ?? now
        let periods = Int((now - start) / Self.period)
        if left + periods >= Self.atOnce {
            left = Self.atOnce
            began = nil
        } else {
            left += periods
            began = start + Self.period * periods
        }
        guard left > 0 else { return false }
        left -= 1
        if began == nil { began = now }
        return true
    }
}
