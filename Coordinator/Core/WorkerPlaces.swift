import Messages

/// Positions in `Core.workers` by the worker's number: asked with every message, so one look at memory in place of a
/// dictionary's hashing. Open addressing; looked up, and iterated only sorted.
///
/// A worker draws its number itself, so it can choose one that falls beside another's: that costs a step for each worker
/// that does so, and no decision depends on it.
struct WorkerPlaces: Sendable {
    private struct Slot: Sendable {
        var id: WorkerID
        /// Negative: nobody.
        var at: Int
        static let free = Slot(id: WorkerID(0), at: -1)
    }
    /// A power of two, at most half in use.
    private var slots: [Slot] = Array(repeating: .free, count: 8)
    private var shift: UInt64 = 61
    private(set) var count = 0

    /// Where a number belongs: the upper bits of its product with the golden ratio's.
    @inline(__always) private func home(_ id: WorkerID) -> Int {
        Int(truncatingIfNeeded: (id.incarnation &* 0x9E37_79B9_7F4A_7C15) &>> shift)
    }
    /// Its slot, or the free one where it would stand.
    @inline(__always) private func slot(of id: WorkerID) -> Int {
        var slot = home(id)
        while slots[slot].at >= 0, slots[slot].id != id { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    subscript(id: WorkerID) -> Int? {
        @inline(__always) get {
            let at = slots[slot(of: id)].at
            return at >= 0 ? at : nil
        }
        set {
            guard let newValue else { return remove(id) }
            let slot = slot(of: id)
            if slots[slot].at < 0 { count += 1 }
            slots[slot] = Slot(id: id, at: newValue)
            if count * 2 > slots.count { grow() }
        }
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: .free, count: old.count * 2)
        shift -= 1
        for entry in old where entry.at >= 0 { slots[slot(of: entry.id)] = entry }
    }

    /// Those behind it that had to give way to it move up.
    private mutating func remove(_ id: WorkerID) {
        var hole = slot(of: id)
        guard slots[hole].at >= 0 else { return }
        count -= 1
        let mask = slots.count - 1
        var next = (hole + 1) & mask
        while slots[next].at >= 0 {
            if (next - home(slots[next].id)) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = .free
    }

    /// By worker.
    var sorted: [(worker: WorkerID, at: Int)] {
        slots.filter { $0.at >= 0 }.map { ($0.id, $0.at) }.sorted { $0.0 < $1.0 }
    }
}
