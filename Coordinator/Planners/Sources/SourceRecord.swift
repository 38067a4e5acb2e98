import Jobs
import Providers

/// How a provider did since the coordinator began, for all jobs together: what a page of metrics says.
package struct SourceRecord: Sendable {
    package private(set) var succeeded: UInt64 = 0, empty: UInt64 = 0, limited: UInt64 = 0, failed: UInt64 = 0
    package private(set) var declined: UInt64 = 0, refusedKeys: UInt64 = 0, abandoned: UInt64 = 0
    package private(set) var units: UInt64 = 0
    /// Calls made beside another provider's slow one.
    package var hedges: UInt64 = 0
    private var latencies = RecentLatencies()
    /// Those that its newest call kept to.
    var limits: ProviderLimits?

    mutating func hear(_ news: Ingest.News, units used: UInt32) {
        if news != .unused { units += UInt64(used) }
        switch news {
        case .unused: break
        case .answered(let milliseconds, let isEmpty):
            if isEmpty { empty += 1 } else { succeeded += 1 }
            latencies.add(milliseconds)
        case .limited: limited += 1
        case .keyRefused: refusedKeys += 1
        case .failed: failed += 1
        case .declined: declined += 1
        case .abandoned: abandoned += 1
        }
    }

    /// Of the latest answers, in milliseconds; nil while there are fewer than `least`.
    package func latency(percentile: Int, of least: Int = 1) -> UInt32? {
        latencies.percentile(percentile, of: least)
    }
}

/// One provider as a page of metrics shows it.
package struct SourceStatus: Sendable {
    package var name: String
    package var record: SourceRecord
    /// Milliseconds since it last answered; nil: not since the coordinator began.
    package var sinceSuccess: UInt64?
    /// closed, open, half_open or untried.
    package var circuit: String
    /// Of each window of its quota: its length in milliseconds, and the units used and allowed in it.
    package var quotas: [(milliseconds: UInt64, used: UInt64, allowed: UInt64)]
}
