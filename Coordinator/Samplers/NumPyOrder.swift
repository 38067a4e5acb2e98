// Where NumPy's order of additions or of equal keys decides bits, ours follows it: scalar code paths, no SIMD dispatch.

/// Σ values in eight accumulators a block of 128, blocks in pairs. Source: Higham (1993), *The Accuracy of Floating
/// Point Summation*, §3, with NumPy's block sizes.
func pairwiseSum(_ values: ArraySlice<Double>) -> Double {
    let start = values.startIndex
    let count = values.count
    if count < 8 { return values.reduce(0, +) }
    if count <= 128 {
        var lanes = Array(values[start..<start + 8])
        let whole = count - count % 8
        for block in stride(from: 8, to: whole, by: 8) {
            for lane in 0..<8 { lanes[lane] += values[start + block + lane] }
        }
        let sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
        return values[(start + whole)...].reduce(sum, +)
    }
    let half = count / 2 - count / 2 % 8
    return pairwiseSum(values[start..<start + half]) + pairwiseSum(values[(start + half)...])
}
func pairwiseSum(_ values: [Double]) -> Double { pairwiseSum(values[...]) }

/// Sorts entries by their high 32 bits as NumPy's `argsort` does: an unstable introsort whose order of equal keys is
/// part of the answer. Source: Musser (1997), *Introspective Sorting and Selection Algorithms*.
///
/// - Parameter entries: key in the high 32 bits, position in the low ones.
func introsort(_ entries: inout [UInt64]) {
    guard entries.count > 1 else { return }
    func key(_ entry: UInt64) -> UInt64 { entry >> 32 }
    var pending: [(low: Int, high: Int, depth: Int)] = []
    var (low, high) = (0, entries.count - 1)
    var depth = (Int.bitWidth - 1 - entries.count.leadingZeroBitCount) * 2
    while true {
        if depth < 0 {
            heapsort(&entries, from: low, count: high - low + 1)
        } else {
            while high - low > 15 {
                let middle = low + (high - low) >> 1
                if key(entries[middle]) < key(entries[low]) { entries.swapAt(middle, low) }
                if key(entries[high]) < key(entries[middle]) { entries.swapAt(high, middle) }
                if key(entries[middle]) < key(entries[low]) { entries.swapAt(middle, low) }
                let pivot = key(entries[middle])
                var (up, down) = (low, high - 1)
                entries.swapAt(middle, down)
                while true {
                    repeat { up += 1 } while key(entries[up]) < pivot
                    repeat { down -= 1 } while pivot < key(entries[down])
                    if up >= down { break }
                    entries.swapAt(up, down)
                }
                entries.swapAt(up, high - 1)
                depth -= 1
                if up - low < high - up {
                    pending.append((up + 1, high, depth))
                    high = up - 1
                } else {
                    pending.append((low, up - 1, depth))
                    low = up + 1
                }
            }
            for next in stride(from: low + 1, through: high, by: 1) {
                let entry = entries[next]
                var hole = next
                while hole > low && key(entry) < key(entries[hole - 1]) {
                    entries[hole] = entries[hole - 1]
                    hole -= 1
                }
                entries[hole] = entry
            }
        }
        guard let rest = pending.popLast() else { return }
        (low, high, depth) = rest
    }
}

/// What introsort falls back to when its partitions stay lopsided.
private func heapsort(_ entries: inout [UInt64], from start: Int, count: Int) {
    func sift(_ entry: UInt64, at root: Int, count: Int) {
        var hole = root
        while 2 * hole <= count {
            var child = 2 * hole
            if child < count && entries[start + child - 1] >> 32 < entries[start + child] >> 32 { child += 1 }
            guard entry >> 32 < entries[start + child - 1] >> 32 else { break }
            entries[start + hole - 1] = entries[start + child - 1]
            hole = child
        }
        entries[start + hole - 1] = entry
    }
    for root in stride(from: count >> 1, to: 0, by: -1) { sift(entries[start + root - 1], at: root, count: count) }
    for last in stride(from: count, to: 1, by: -1) {
        let entry = entries[start + last - 1]
        entries[start + last - 1] = entries[start]
        sift(entry, at: 1, count: last - 1)
    }
}
