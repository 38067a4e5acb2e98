import Jobs

/// How a provider does, and whether it is to be asked at all.
struct SourceHealth {
    /// Failures in a row that open the circuit, and for how long at first and at most. Milliseconds.
    private static let tolerated = 5
    private static let coolDown: (first: UInt64, most: UInt64) = (30_000, 600_000)
    /// Latencies that the percentiles are of.
    private static let kept = 256

    enum Circuit: Equatable {
        case closed
        case open(until: UInt64)
        /// One call is let through, to see; another one when nobody has said by then how it was.
        case halfOpen(until: UInt64)
    }
    private(set) var circuit = Circuit.closed
    /// Its key is refused: nothing is asked any more.
    private(set) var stopped: String?
    private(set) var succeeded = 0, empty = 0, limited = 0, failed = 0, declined = 0
    private(set) var lastSuccess: UInt64?
    private var failuresInARow = 0
    private var openings = 0
    private var latencies: [UInt32] = []

    /// - Returns: how long to wait before the next call, if the circuit says so.
    /// - Parameter latest: how long a call can take.
    mutating func wait(at now: UInt64, latest: UInt64) -> UInt64? {
        switch circuit {
        case .closed: return nil
        case .open(let end):
            if now < end { return end - now }
        case .halfOpen(let end):
            if now < end { return min(1000, end - now) }
        }
        circuit = .halfOpen(until: now + latest)
        return nil
    }
    /// The call that was let through cannot be made after all.
    mutating func withdraw(at now: UInt64) { if isHalfOpen { circuit = .open(until: now) } }
    private var isHalfOpen: Bool { if case .halfOpen = circuit { true } else { false } }

    mutating func hear(_ news: Ingest.News, at now: UInt64) {
        switch news {
        case .unused: withdraw(at: now)
        case .answered(let milliseconds, let isEmpty):
            if isEmpty { empty += 1 } else { succeeded += 1 }
            lastSuccess = now
            if latencies.count == Self.kept { latencies.removeFirst() }
            latencies.append(milliseconds)
            recover()
        case .declined:
            declined += 1
            recover()
        // Busy with us is not broken.
        case .limited:
            limited += 1
            withdraw(at: now)
        case .keyRefused(let words): stopped = words
        case .failed: fail(at: now)
        }
    }
    private mutating func recover() {
        failuresInARow = 0
        openings = 0
        circuit = .closed
    }
    private mutating func fail(at now: UInt64) {
        failed += 1
        failuresInARow += 1
        guard isHalfOpen || failuresInARow >= Self.tolerated else { return }
        let pause = min(Self.coolDown.first << UInt64(min(openings, 10)), Self.coolDown.most)
        openings += 1
        circuit = .open(until: now + pause)
    }

    /// Of the latest calls, in milliseconds.
    func latency(percentile: Int) -> UInt32 {
        guard !latencies.isEmpty else { return 0 }
        return latencies.sorted()[min(latencies.count - 1, latencies.count * percentile / 100)]
    }
}
