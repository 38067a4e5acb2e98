import Jobs

/// Whether a provider is to be asked at all, by how it did lately.
struct SourceHealth {
    /// Failures in a row that open the circuit, and for how long at first and at most. Milliseconds.
    private static let tolerated = 5
    private static let coolDown: (first: UInt64, most: UInt64) = (30_000, 600_000)

    enum Circuit: Equatable {
        /// Nothing is known yet, not even whether the key is any good: one call at a time.
        case untried(busyUntil: UInt64)
        case closed
        case open(until: UInt64)
        /// One call is let through, to see; another one when nobody has said by then how it was.
        case halfOpen(until: UInt64)
    }
    private(set) var circuit = Circuit.untried(busyUntil: 0)
    private(set) var lastSuccess: UInt64?
    private var failuresInARow = 0
    private var openings = 0

    /// - Returns: how long to wait before the next call, if the circuit says so.
    /// - Parameter latest: how long a call can take.
    mutating func wait(at now: UInt64, latest: UInt64) -> UInt64? {
        let wait = outlook(at: now)
        if wait > 0 { return wait }
        switch circuit {
        case .closed: break
        case .untried: circuit = .untried(busyUntil: now + latest)
        case .open, .halfOpen: circuit = .halfOpen(until: now + latest)
        }
        return nil
    }
    /// As `wait`, without anybody about to call; 0: now.
    func outlook(at now: UInt64) -> UInt64 {
        switch circuit {
        case .closed: 0
        case .open(let end): end - min(now, end)
        // Somebody will say soon how it was.
        case .untried(let end), .halfOpen(let end): min(500, end - min(now, end))
        }
    }
    func isOpen(at now: UInt64) -> Bool { if case .open(let end) = circuit { end > now } else { false } }

    /// Nothing speaks against one call more: it is not failing, and not being tried out after it did.
    var isWell: Bool {
        switch circuit {
        case .closed, .untried: true
        case .open, .halfOpen: false
        }
    }
    var words: String {
        switch circuit {
        case .untried: "untried"
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half_open"
        }
    }

    /// The call that was let through cannot be made after all.
    mutating func withdraw(at now: UInt64) {
        switch circuit {
        case .halfOpen: circuit = .open(until: now)
        case .untried: circuit = .untried(busyUntil: now)
        case .closed, .open: break
        }
    }
    private var isHalfOpen: Bool { if case .halfOpen = circuit { true } else { false } }

    mutating func hear(_ news: Ingest.News, at now: UInt64) {
        switch news {
        case .unused, .abandoned: withdraw(at: now)
        case .answered:
            lastSuccess = now
            recover()
        case .declined: recover()
        // Busy with us is not broken.
        case .limited: withdraw(at: now)
        // Whoever asks next may have another key.
        case .keyRefused: circuit = .untried(busyUntil: now)
        case .failed: fail(at: now)
        }
    }
    private mutating func recover() {
        failuresInARow = 0
        openings = 0
        circuit = .closed
    }
    private mutating func fail(at now: UInt64) {
        failuresInARow += 1
        guard isHalfOpen || failuresInARow >= Self.tolerated else { return withdraw(at: now) }
        let pause = min(Self.coolDown.first << UInt64(min(openings, 10)), Self.coolDown.most)
        openings += 1
        circuit = .open(until: now + pause)
    }
}

/// How a provider did for one job: its calls, counted by how they ended.
struct SourceTally {
    private(set) var units: UInt64 = 0
    private var counts: [Ingest.Call.Outcome: UInt32] = [:]  // looked up only
    private var latencies = RecentLatencies()

    mutating func add(_ call: Ingest.Call) {
        units += UInt64(call.units)
        counts[call.outcome, default: 0] += 1
        guard call.outcome == .answered || call.outcome == .empty else { return }
        latencies.add(call.milliseconds)
    }
    subscript(outcome: Ingest.Call.Outcome) -> UInt32 { counts[outcome] ?? 0 }

    /// Of the latest calls, in milliseconds.
    func latency(percentile: Int) -> UInt32 { latencies.percentile(percentile) ?? 0 }
}
