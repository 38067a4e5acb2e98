import CLinux

/// Gives memory that was freed back to the system. The allocator keeps it for what comes: after two hundred connections at
/// a time 10 to 20 MB, of which a quiet coordinator uses one.
struct FreedMemory {
    private static let interval: Duration = .seconds(5)
    /// All that is free is looked at: at most this part of the time goes into it.
    private static let share = 200
    private var due = ContinuousClock.now
    private var hasWorked = true

    /// After each turn of the loop.
    /// - Parameter isIdle: nothing came in.
    mutating func turn(isIdle: Bool) {
        guard isIdle else {
            hasWorked = true
            return
        }
        let start = ContinuousClock.now
        guard hasWorked, start >= due else { return }
        apex_give_memory_back()
        due = start + max(Self.interval, (ContinuousClock.now - start) * Self.share)
        hasWorked = false
    }
}
