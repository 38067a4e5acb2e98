/// Makes prefix codes as deflate has them. Source: RFC 1951, §3.2.2. One per thread: its memory is used again.
struct Huffman: ~Copyable {
    /// Symbols that deflate's largest alphabet has, and some.
    private static let mostSymbols = 320
    private var order = Scratch<UInt64>(mostSymbols, filler: 0)
    private var weights = Scratch<UInt64>(mostSymbols, filler: 0)
    private var parents = Scratch<Int32>(mostSymbols, filler: 0)
    private var leafParents = Scratch<Int32>(mostSymbols, filler: 0)
    private var depths = Scratch<Int32>(mostSymbols, filler: 0)
    /// By depth, how many leaves. Counts below 2³² cannot make a tree deeper than 47: Fibonacci numbers grow faster.
    private var leaves = Scratch<Int>(64, filler: 0)
    private var next = Scratch<Int>(17, filler: 0)

    /// Optimal code lengths for the first `symbols` counts, except that none exceeds `limit`. Symbols that do not occur
    /// get 0; a single symbol gets 1.
    mutating func makeLengths(
        of counts: borrowing Scratch<UInt32>, _ symbols: Int, limit: Int, into lengths: inout Scratch<UInt8>
    ) {
        // Symbols that occur, by count and then by symbol, in one number: counts are below 2³².
        var used = 0
        for symbol in 0..<symbols {
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
        countLeaves(used)
        shorten(to: limit)
        // The rarest symbols get the longest codes.
        var at = 0
        for length in stride(from: limit, through: 1, by: -1) {
            for _ in 0..<leaves[length] {
                lengths[Int(order[at] & 0xFFFF)] = UInt8(length)
                at += 1
            }
        }
    }

    /// How many leaves the tree has at each depth, by merging the two smallest of two queues, leaves and trees.
    private mutating func countLeaves(_ used: Int) {
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
        depths[used - 2] = 0
        for made in stride(from: used - 3, through: 0, by: -1) { depths[made] = depths[Int(parents[made])] + 1 }
        for depth in 0..<leaves.capacity { leaves[depth] = 0 }
        for leaf in 0..<used { leaves[Int(depths[Int(leafParents[leaf])]) + 1] += 1 }
    }

    /// Moves leaves below `limit` up, and others down until the code fits again.
    private mutating func shorten(to limit: Int) {
        for depth in limit + 1..<leaves.capacity {
            leaves[limit] += leaves[depth]
            leaves[depth] = 0
        }
        // In units of a longest code, a full tree has 2^limit.
        var room = 0
        for depth in 1...limit { room += leaves[depth] << (limit - depth) }
        while room > 1 << limit {
            leaves[limit] -= 1
            var depth = limit - 1
            while leaves[depth] == 0 { depth -= 1 }
            leaves[depth] -= 1
            leaves[depth + 1] += 2
            room -= 1
        }
    }

    /// The codes of these lengths, bits reversed, as they go into a stream that fills from the lowest bit.
    mutating func makeCodes(of lengths: borrowing Scratch<UInt8>, _ symbols: Int, into codes: inout Scratch<UInt16>) {
        for length in 0..<17 { leaves[length] = 0 }
        for symbol in 0..<symbols { leaves[Int(lengths[symbol])] += 1 }
        var code = 0
        leaves[0] = 0
        for length in 1...15 {
            code = (code + leaves[length - 1]) << 1
            next[length] = code
        }
        for symbol in 0..<symbols {
            let length = Int(lengths[symbol])
            guard length > 0 else {
                codes[symbol] = 0
                continue
            }
            codes[symbol] = Self.reversed(UInt16(next[length])) >> UInt16(16 - length)
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
