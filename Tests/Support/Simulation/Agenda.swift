/// What is to happen, earliest first; of one moment, in the order it was arranged. A binary heap.
struct Agenda<Occurrence> {
    private struct Entry {
        var at: UInt64, sequence: UInt64
        var what: Occurrence
        func precedes(_ other: Entry) -> Bool { (at, sequence) < (other.at, other.sequence) }
    }
    private var heap: [Entry] = []
    /// How many were arranged so far; each bears the number it was.
    private(set) var sequence: UInt64 = 0

    mutating func add(_ what: Occurrence, at: UInt64) {
        sequence += 1
        heap.append(Entry(at: at, sequence: sequence, what: what))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func next() -> (at: UInt64, sequence: UInt64, what: Occurrence)? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let entry = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].precedes(heap[least])
            {
                least = child
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (entry.at, entry.sequence, entry.what)
    }
}
