/// How long a provider's latest answers took, for percentiles.
struct RecentLatencies: Sendable {
    private static let kept = 256

    private var milliseconds: [UInt32] = []
    /// The oldest, once there are so many.
    private var oldest = 0

    mutating func add(_ latency: UInt32) {
        guard milliseconds.count == Self.kept else { return milliseconds.append(latency) }
        milliseconds[oldest] = latency
        oldest = (oldest + 1) % Self.kept
    }

    /// In milliseconds; nil while there are fewer than `least`.
    func percentile(_ percent: Int, of least: Int = 1) -> UInt32? {
        guard milliseconds.count >= max(least, 1) else { return nil }
        return milliseconds.sorted()[min(milliseconds.count - 1, milliseconds.count * percent / 100)]
    }
}
