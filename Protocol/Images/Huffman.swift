/// Prefix codes as deflate has them. Source: RFC 1951, §3.2.2.
enum Huffman {
    /// Optimal code lengths, except that none exceeds `limit`. Symbols that do not occur get 0; a single symbol gets 1.
    /// - Returns: nothing; writes `lengths`, as many as there are `counts`.
    static func lengths(of counts: Span<UInt32>, limit: Int, into lengths: inout MutableSpan<UInt8>) {
        // Symbols that occur, by count and then by symbol, in one number: counts are below 2³².
        var order = InlineArray<320, UInt64>(repeating: 0)
        var used = 0
        for symbol in 0..<counts.count {
            lengths[symbol] = 0
            guard counts[symbol] > 0 else { continue }
            // Sorted as they come: most codes have few symbols.
            let key = UInt64(counts[symbol]) << 16 | UInt64(symbol)
            var at = used
            while at > 0, order[at - 1] > key {
                order[at] = order[at - 1]
                at -= 1
            }
            order[at] = key
            used += 1
        }
        guard used > 1 else {
            if used == 1 { lengths[Int(order[0] & 0xFFFF)] = 1 }
            return
        }
        var depths = depthCounts(order, used)
        shorten(&depths, to: limit)
        // The rarest symbols get the longest codes.
        var at = 0
        for length in stride(from: limit, through: 1, by: -1) {
            for _ in 0..<depths[length] {
                lengths[Int(order[at] & 0xFFFF)] = UInt8(length)
                at += 1
            }
        }
    }

    /// How many leaves the tree has at each depth, by merging the two smallest of two queues, leaves and trees.
    private static func depthCounts(_ order: borrowing InlineArray<320, UInt64>, _ used: Int) -> InlineArray<64, Int> {
        var weights = InlineArray<320, UInt64>(repeating: 0)
        var parents = InlineArray<320, Int32>(repeating: 0)
        var leafParents = InlineArray<320, Int32>(repeating: 0)
        var leaf = 0
        var tree = 0
        for made in 0..<used - 1 {
            var weight: UInt64 = 0
            for _ in 0..<2 {
                let leafWeight = leaf < used ? order[leaf] >> 16 : UInt64.max
                let treeWeight = tree < made ? weights[tree] : UInt64.max
                if leafWeight <= treeWeight {
                    weight += leafWeight
                    leafParents[leaf] = Int32(made)
                    leaf += 1
                } else {
                    weight += treeWeight
                    parents[tree] = Int32(made)
                    tree += 1
                }
            }
            weights[made] = weight
        }
        var depths = InlineArray<320, Int32>(repeating: 0)
        for made in stride(from: used - 3, through: 0, by: -1) { depths[made] = depths[Int(parents[made])] + 1 }
        var counts = InlineArray<64, Int>(repeating: 0)
        // Counts below 2³² cannot make a tree deeper than 47: Fibonacci numbers grow faster.
        for leaf in 0..<used { counts[Int(depths[Int(leafParents[leaf])]) + 1] += 1 }
        return counts
    }

    /// Moves leaves below `limit` up, and others down until the code fits again.
    private static func shorten(_ depths: inout InlineArray<64, Int>, to limit: Int) {
        var room = 0
        for depth in 1..<64 {
            if depth > limit {
                depths[limit] += depths[depth]
                depths[depth] = 0
            }
        }
        for depth in 1...limit { room += depths[depth] << (limit - depth) }
        // In units of a longest code, a full tree has 2^limit.
        while room > 1 << limit {
            depths[limit] -= 1
            var depth = limit - 1
            while depths[depth] == 0 { depth -= 1 }
            depths[depth] -= 1
            depths[depth + 1] += 2
            room -= 1
        }
    }

    /// The codes of these lengths, bits reversed, as they go into a stream that fills from the lowest bit.
    static func codes(of lengths: Span<UInt8>, into codes: inout MutableSpan<UInt16>) {
        var next = InlineArray<17, Int>(repeating: 0)
        var counts = InlineArray<17, Int>(repeating: 0)
        for symbol in 0..<lengths.count { counts[Int(lengths[symbol])] += 1 }
        var code = 0
        counts[0] = 0
        for length in 1...15 {
            code = (code + counts[length - 1]) << 1
            next[length] = code
        }
        for symbol in 0..<lengths.count {
            let length = Int(lengths[symbol])
            guard length > 0 else {
                codes[symbol] = 0
                continue
            }
            codes[symbol] = reversed(UInt16(next[length])) >> UInt16(16 - length)
            next[length] += 1
        }
    }
    private static func reversed(_ value: UInt16) -> UInt16 {
        var value = value
        value = (value >> 1) & 0x5555 | (value & 0x5555) << 1
        value = (value >> 2) & 0x3333 | (value & 0x3333) << 2
        value = (value >> 4) & 0x0F0F | (value & 0x0F0F) << 4
        return value >> 8 | value << 8
    }
}
