/// What one answer of one provider brought, and everything needed to say later where a bar came from.
package struct BarBatch: Sendable {
    /// Names the request: the same identifier again changes nothing and is answered with what was done the first time.
    package var identifier: String
    package var provider: String
    /// What was asked, in words for people, without keys.
    package var request: String
    /// Milliseconds since 1970 UTC.
    package var received: Int64
    /// The source's quality: 0 the best. Of two sources that differ, the better one's bar is current.
    package var tier: Int
    package var series: [Series]

    package struct Series: Sendable {
        package var key: SeriesKey
        /// In any order; one that is no possible bar is kept aside with the reason.
        package var bars: [Bar]
        /// What the answer was complete for, half open: asking for it again is needless, bars or none. See `BarTime`.
        package var covers: Range<Int64>?
        package init(_ key: SeriesKey, _ bars: [Bar], covers: Range<Int64>? = nil) {
            self.key = key
            self.bars = bars
            self.covers = covers
        }
    }

    package init(
        identifier: String, provider: String, request: String, received: Int64, tier: Int, series: [Series]
    ) {
        self.identifier = identifier
        self.provider = provider
        self.request = request
        self.received = received
        self.tier = tier
        self.series = series
    }
}

/// What became of a batch's bars; the counts add up to how many it had.
package struct AppendOutcome: Equatable, Sendable {
    /// New in the store.
    package var added = 0
    /// There already, with the same values.
    package var same = 0
    /// Other values than before, now current; the earlier ones are kept as revisions.
    package var revised = 0
    /// Other values than the current ones of as good a source, or older ones; kept beside them.
    package var aside = 0
    /// No possible bars; kept with the reason, and never read as bars.
    package var refused = 0
    package init() {}
    package init(added: Int, same: Int, revised: Int, aside: Int, refused: Int) {
        self.added = added
        self.same = same
        self.revised = revised
        self.aside = aside
        self.refused = refused
    }
}

/// Where a current bar came from.
package struct BarOrigin: Equatable, Sendable {
    package var batch: Int64
    package var identifier: String
    package var provider: String
    package var request: String
    package var received: Int64
    package var tier: Int
}
