/// How long each stage of a run took, as seen from the command: what a person waits for.
struct StageClock {
    private(set) var stages: [(name: String, seconds: Double)] = []
    private var current: String?
    private var since = ContinuousClock.now

    /// The run is in this stage from now on.
    mutating func enter(_ name: String, at now: ContinuousClock.Instant = .now) {
        guard name != current else { return }
        leave(at: now)
        current = name
        since = now
    }

    /// The current stage is over; a stage entered again adds to its time.
    mutating func leave(at now: ContinuousClock.Instant = .now) {
        guard let name = current else { return }
        current = nil
        let seconds = (now - since) / .seconds(1)
        if let at = stages.firstIndex(where: { $0.name == name }) {
            stages[at].seconds += seconds
        } else {
            stages.append((name, seconds))
        }
    }
}
