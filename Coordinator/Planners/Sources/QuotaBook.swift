import Messages

/// One lease as it is kept. Times are milliseconds since 1970 by the desk's clock.
package struct QuotaEntry: Sendable, Equatable {
    package var number: UInt64
    package var provider: String
    package var units: UInt32
    /// Of a held one the latest at which its call can arrive, else the latest at which it did.
    package var end: UInt64
    package var isHeld: Bool
    /// When this was written.
    package var told: UInt64
    package var asker: ProviderDesk.Asker
    package init(
        number: UInt64, provider: String, units: UInt32, end: UInt64, isHeld: Bool, told: UInt64,
        asker: ProviderDesk.Asker
    ) {
        self.number = number
        self.provider = provider
        self.units = units
        self.end = end
        self.isHeld = isHeld
        self.told = told
        self.asker = asker
    }
}

/// Where leases outlive the process.
package protocol QuotaBook: Sendable {
    /// Of at least the last day, in the order of their numbers.
    func entries() throws(JobError) -> [QuotaEntry]
    /// Where the desk's clock stood when this was last written to; nil: it never was.
    func mark() throws(JobError) -> ClockMark?
    func spent() throws(JobError) -> [(job: UInt32, provider: String, units: UInt64)]
    /// On disk when it returns; an entry of the same number is replaced. New ones count towards what their job spent.
    func write(_ entry: QuotaEntry, _ mark: ClockMark?) throws(JobError)
    func write(_ mark: ClockMark) throws(JobError)
    /// Entries told after `since` were so much later, and end so much later: the clock was behind. So do blocks.
    func shift(since: UInt64, by: UInt64) throws(JobError)
    /// Until when providers want to be left alone, by their names; past or not.
    func blocks() throws(JobError) -> [(provider: String, until: UInt64)]
    /// A provider said so; the latest counts.
    func block(_ provider: String, until: UInt64) throws(JobError)
    /// A lease that was given back.
    func erase(_ number: UInt64) throws(JobError)
    /// The job is over: what it spent is nobody's concern any more.
    func forget(_ job: UInt32) throws(JobError)
}

/// For whoever has no restart to outlive.
package struct NoQuotaBook: QuotaBook {
    package init() {}
    package func entries() -> [QuotaEntry] { [] }
    package func spent() -> [(job: UInt32, provider: String, units: UInt64)] { [] }
    package func write(_ entry: QuotaEntry, _ mark: ClockMark?) {}
    package func write(_ mark: ClockMark) {}
    package func shift(since: UInt64, by: UInt64) {}
    package func mark() -> ClockMark? { nil }
    package func blocks() -> [(provider: String, until: UInt64)] { [] }
    package func block(_ provider: String, until: UInt64) {}
    package func erase(_ number: UInt64) {}
    package func forget(_ job: UInt32) {}
}
