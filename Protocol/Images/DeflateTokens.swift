/// What a deflate block says: bytes, and copies of earlier bytes from one of two distances. Collected first, then written
/// with the code that fits their counts.
struct DeflateTokens: ~Copyable {
    /// A literal is its byte. A copy has bit 31 set, its length in the low bits, and bit 9 for the second distance.
    private var tokens = Scratch<UInt32>(4096, filler: 0)
    private var count = 0
    private var literalCounts = InlineArray<286, UInt32>(repeating: 0)
    private var copyCounts = InlineArray<2, UInt32>(repeating: 0)
    private var distances = InlineArray<2, Int>(repeating: 1)
    private(set) var streamBytes = 0

    private static let copyBit: UInt32 = 1 << 31
    static let longestCopy = 258

    /// - Parameters: far, near: what copies may reach back, 1…32,768 bytes.
    mutating func begin(far: Int, near: Int) {
        precondition(far > 0 && far <= 32_768 && near > 0 && near <= 32_768, "deflate sees 32,768 bytes back")
        count = 0
        streamBytes = 0
        literalCounts = InlineArray(repeating: 0)
        copyCounts = InlineArray(repeating: 0)
        distances[0] = far
        distances[1] = near
    }
    /// Before up to so many tokens.
    @inline(__always) mutating func reserve(_ more: Int) { tokens.reserve(count + more) }

    @inline(__always) mutating func literal(_ byte: UInt8) {
        tokens[count] = UInt32(byte)
        count += 1
        literalCounts[Int(byte)] += 1
    }
    /// Any length but 1 and 2, in copies of 3…258.
    @inline(__always) mutating func copy(_ length: Int, near: Bool) {
        let kind: UInt32 = Self.copyBit | (near ? 512 : 0)
        var rest = length
        while rest > 0 {
            var part = min(rest, Self.longestCopy)
            // Nothing shorter than 3 can be copied.
            if rest - part == 1 || rest - part == 2 { part -= 3 }
            tokens[count] = kind | UInt32(part)
            count += 1
            literalCounts[Self.lengthSymbols[part]] += 1
            copyCounts[near ? 1 : 0] += 1
            rest -= part
        }
    }

    /// RFC 1951, §3.2.5: by length, the symbol.
    private static let lengthSymbols: InlineArray<259, Int> = {
        var symbols = InlineArray<259, Int>(repeating: 0)
        for symbol in 257...285 {
            let base = lengthBase(symbol)
            for length in base..<min(base + 1 << lengthExtraBits(symbol), 259) { symbols[length] = symbol }
        }
        symbols[258] = 285
        return symbols
    }()
    private static func lengthExtraBits(_ symbol: Int) -> Int {
        symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4
    }
    private static func lengthBase(_ symbol: Int) -> Int {
        if symbol < 265 { return symbol - 254 }
        if symbol == 285 { return 258 }
        let extra = lengthExtraBits(symbol)
        return 3 + (4 + (symbol - 265) % 4) << extra
    }
    private static func distanceSymbol(_ distance: Int) -> (symbol: Int, extraBits: Int, extra: Int) {
        if distance <= 4 { return (distance - 1, 0, 0) }
        let extraBits = (distance - 1).bitWidth - (distance - 1).leadingZeroBitCount - 2
        let half = ((distance - 1) >> extraBits) & 1
        return (2 * extraBits + 2 + half, extraBits, (distance - 1) & (1 << extraBits - 1))
    }

    /// Ends a zlib stream of this one block.
    /// - Parameters: adler: of what the tokens say. output: what it holds from `start` on is written over.
    /// - Returns: the end of the stream in `output`.
    mutating func write(adler: UInt32, to output: inout Scratch<UInt8>, at start: Int) -> Int {
        literalCounts[256] = 1
        var literalLengths = InlineArray<286, UInt8>(repeating: 0)
        var literalCodes = InlineArray<286, UInt16>(repeating: 0)
        do {
            var lengths = literalLengths.mutableSpan
            Huffman.lengths(of: literalCounts.span, limit: 15, into: &lengths)
        }
        do {
            var codes = literalCodes.mutableSpan
            Huffman.codes(of: literalLengths.span, into: &codes)
        }
        // At most two distances occur: a code of one bit each, in the order of their symbols.
        let far = Self.distanceSymbol(distances[0])
        let near = Self.distanceSymbol(distances[1])
        let sameSymbol = far.symbol == near.symbol
        var distanceLengths = InlineArray<30, UInt8>(repeating: 0)
        if copyCounts[0] > 0 { distanceLengths[far.symbol] = 1 }
        if copyCounts[1] > 0 { distanceLengths[near.symbol] = 1 }
        let usesBoth = copyCounts[0] > 0 && copyCounts[1] > 0 && !sameSymbol
        let farCode: UInt64 = usesBoth && far.symbol > near.symbol ? 1 : 0
        let nearCode: UInt64 = usesBoth && near.symbol > far.symbol ? 1 : 0

        var bits = literalCounts.indices.reduce(0) { $0 + Int(literalCounts[$1]) * Int(literalLengths[$1]) }
        bits += (Int(copyCounts[0]) + Int(copyCounts[1])) * 24 + 300 * 14
        output.reserve(start + bits / 8 + 64)
        var sink = BitSink(at: start)
        sink.put(0x0178, 16, &output)  // zlib: deflate with a window of 32 KiB
        sink.put(0b101, 3, &output)  // the last block, of codes of its own
        Self.writeLengths(literalLengths, distanceLengths, &sink, &output)

        var lengthBits = InlineArray<259, UInt32>(repeating: 0)
        var lengthBitCounts = InlineArray<259, UInt8>(repeating: 0)
        for length in 3...258 {
            let symbol = Self.lengthSymbols[length]
            guard literalLengths[symbol] > 0 else { continue }
            let codeBits = UInt32(literalLengths[symbol])
            let extra = UInt32(length - Self.lengthBase(symbol))
            lengthBits[length] = UInt32(literalCodes[symbol]) | extra << codeBits
            lengthBitCounts[length] = UInt8(codeBits) + UInt8(Self.lengthExtraBits(symbol))
        }
        let farBits = farCode | UInt64(far.extra) << 1
        let nearBits = nearCode | UInt64(near.extra) << 1
        for at in 0..<count {
            let token = tokens[at]
            if token & Self.copyBit == 0 {
                sink.put(UInt64(literalCodes[Int(token)]), Int(literalLengths[Int(token)]), &output)
            } else {
                let length = Int(token & 511)
                let isNear = token & 512 != 0
                let first = Int(lengthBitCounts[length])
                sink.put(
                    UInt64(lengthBits[length]) | (isNear ? nearBits : farBits) << UInt64(first),
                    first + 1 + (isNear ? near.extraBits : far.extraBits), &output)
            }
        }
        sink.put(UInt64(literalCodes[256]), Int(literalLengths[256]), &output)
        var end = sink.end(&output)
        for byte in 0..<4 {
            output[end] = UInt8(truncatingIfNeeded: adler >> UInt32(24 - 8 * byte))
            end += 1
        }
        return end
    }

    /// The block's two codes, themselves coded. Source: RFC 1951, §3.2.7.
    private static func writeLengths(
        _ literals: borrowing InlineArray<286, UInt8>, _ distances: borrowing InlineArray<30, UInt8>,
        _ sink: inout BitSink, _ output: inout Scratch<UInt8>
    ) {
        var literalEnd = 286
        while literalEnd > 257, literals[literalEnd - 1] == 0 { literalEnd -= 1 }
        var distanceEnd = 30
        while distanceEnd > 1, distances[distanceEnd - 1] == 0 { distanceEnd -= 1 }
        let total = literalEnd + distanceEnd
        func length(_ at: Int) -> UInt8 { at < literalEnd ? literals[at] : distances[at - literalEnd] }
        // A symbol in the low byte, what its extra bits say above.
        var symbols = InlineArray<320, UInt16>(repeating: 0)
        var counts = InlineArray<19, UInt32>(repeating: 0)
        var used = 0
        func add(_ symbol: Int, _ extra: Int) {
            symbols[used] = UInt16(extra << 8 | symbol)
            used += 1
            counts[symbol] += 1
        }
        var at = 0
        while at < total {
            let value = length(at)
            var run = 1
            while at + run < total, length(at + run) == value { run += 1 }
            at += run
            if value == 0 {
                while run >= 11 {
                    let part = min(run, 138)
                    add(18, part - 11)
                    run -= part
                }
                if run >= 3 {
                    add(17, run - 3)
                    run = 0
                }
            } else {
                add(Int(value), 0)
                run -= 1
                while run >= 3 {
                    let part = min(run, 6)
                    add(16, part - 3)
                    run -= part
                }
            }
            for _ in 0..<run { add(Int(value), 0) }
        }
        var lengths = InlineArray<19, UInt8>(repeating: 0)
        var codes = InlineArray<19, UInt16>(repeating: 0)
        do {
            var span = lengths.mutableSpan
            Huffman.lengths(of: counts.span, limit: 7, into: &span)
        }
        do {
            var span = codes.mutableSpan
            Huffman.codes(of: lengths.span, into: &span)
        }
        let order: InlineArray<19, Int> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var orderEnd = 19
        while orderEnd > 4, lengths[order[orderEnd - 1]] == 0 { orderEnd -= 1 }
        sink.put(UInt64(literalEnd - 257), 5, &output)
        sink.put(UInt64(distanceEnd - 1), 5, &output)
        sink.put(UInt64(orderEnd - 4), 4, &output)
        for at in 0..<orderEnd { sink.put(UInt64(lengths[order[at]]), 3, &output) }
        for at in 0..<used {
            let symbol = Int(symbols[at] & 0xFF)
            sink.put(UInt64(codes[symbol]), Int(lengths[symbol]), &output)
            let extraBits = symbol == 16 ? 2 : symbol == 17 ? 3 : symbol == 18 ? 7 : 0
            if extraBits > 0 { sink.put(UInt64(symbols[at] >> 8), extraBits, &output) }
        }
    }
}

/// Bits into bytes, from the lowest bit up.
private struct BitSink {
    private var position: Int
    private var bits: UInt64 = 0
    private var count = 0
    init(at position: Int) { self.position = position }

    /// At most 56 bits.
    @inline(__always) mutating func put(_ value: UInt64, _ width: Int, _ output: inout Scratch<UInt8>) {
        bits |= value << UInt64(truncatingIfNeeded: count)
        count &+= width
        output.store(bits, at: position)
        position &+= count >> 3
        bits = bits &>> UInt64(truncatingIfNeeded: count & ~7)
        count &= 7
    }
    /// - Returns: the position after the last byte.
    func end(_ output: inout Scratch<UInt8>) -> Int { position + (count > 0 ? 1 : 0) }
}
