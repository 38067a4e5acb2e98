import Messages

/// About the median of many times, in little memory: counts in eight classes an octave, the older ones fading.
///
/// - Error: at most an eighth above the true median of what is remembered, never below it.
struct MedianSketch: Sendable, Equatable {
    /// So many octaves of microseconds: 35 years.
    private static let octaves = 50
    private static let classes = 8
    /// When so many are remembered, each class forgets half: a change shows after as many results.
    private static let memory: UInt32 = 1024

    private var counts = [UInt16](repeating: 0, count: octaves * classes)
    private(set) var total: UInt32 = 0

    /// - Parameter count: so many times the same; more than an eighth of the memory counts as that.
    mutating func add(_ microseconds: UInt64, count: UInt32) {
        let count = min(count, Self.memory / 8)
        counts[Self.place(microseconds)] += UInt16(count)
        total += count
        guard total >= Self.memory else { return }
        for at in counts.indices { counts[at] /= 2 }
        total = counts.reduce(0) { $0 + UInt32($1) }
    }

    /// In microseconds, rounded up; nil before there are `minimum` samples.
    func median(ofAtLeast minimum: UInt32) -> UInt64? {
        guard total >= max(minimum, 1) else { return nil }
        var seen: UInt32 = 0
        let at = counts.firstIndex { count in
            seen += UInt32(count)
            return seen * 2 >= total
        }!
        return Self.ceiling(of: at)
    }

    /// Octave, and the three bits after the leading one.
    private static func place(_ microseconds: UInt64) -> Int {
        guard microseconds >= 8 else { return Int(microseconds) }
        let octave = 63 - microseconds.leadingZeroBitCount
        return min(octave * 8 - 16 + Int(microseconds >> UInt64(octave - 3) & 7), octaves * classes - 1)
    }
    private static func ceiling(of place: Int) -> UInt64 {
        guard place >= 8 else { return UInt64(place) }
        let octave = UInt64(place + 16) / 8
        return (UInt64(place % 8) + 9) << (octave - 3) - 1
    }
}

// For snapshots.
extension MedianSketch: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integer(total)
        let used = counts.indices.filter { counts[$0] > 0 }
        writer.integers(used.map { UInt16($0) })
        writer.integers(used.map { counts[$0] })
    }
    package init(from reader: inout WireReader) throws(WireError) {
        total = try reader.integer()
        let places: [UInt16] = try reader.integers()
        let found: [UInt16] = try reader.integers()
        guard places.count == found.count, places.allSatisfy({ Int($0) < counts.count }),
            found.reduce(0, { $0 + UInt32($1) }) == total
        else { throw WireError("a sketch of times that does not add up") }
        for (place, count) in zip(places, found) { counts[Int(place)] = count }
    }
}
