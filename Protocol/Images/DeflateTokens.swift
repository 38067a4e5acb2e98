/// What a deflate block says: bytes, and copies of earlier bytes from one of two distances. Collected first, then written
/// with the code that fits their counts.
struct DeflateTokens: ~Copyable {
    /// A literal is its byte. A copy has bit 31 set, its length in the low bits, and bit 9 for the second distance.
    /// With bit 30 it is many of the longest, see `runBit`.
    private var tokens = Scratch<UInt32>(4096, filler: 0)
    private var count = 0
    private static let literals = 286, distanceSymbols = 30
    private var literalCounts = Scratch<UInt32>(literals, filler: 0)
    private var literalLengths = Scratch<UInt8>(literals, filler: 0)
    private var literalCodes = Scratch<UInt16>(literals, filler: 0)
    private var distanceLengths = Scratch<UInt8>(distanceSymbols, filler: 0)
    /// By length of a copy, the bits that say it and how many.
    private var lengthBits = Scratch<UInt32>(longestCopy + 1, filler: 0)
    private var lengthBitCounts = Scratch<UInt8>(longestCopy + 1, filler: 0)
    /// How the block's own code is said.
    private var codeSymbols = Scratch<UInt16>(320, filler: 0)
    private var codeCounts = Scratch<UInt32>(19, filler: 0)
    private var codeLengths = Scratch<UInt8>(19, filler: 0)
    private var codeCodes = Scratch<UInt16>(19, filler: 0)
    private var huffman = Huffman()
    private var copyCounts = InlineArray<2, UInt32>(repeating: 0)
    private var distances = InlineArray<2, Int>(repeating: 1)
    /// By length, the symbol less 257. RFC 1951, §3.2.5.
    private let lengthSymbols: [UInt8] = DeflateTokens.makeLengthSymbols()

    private static let copyBit: UInt32 = 1 << 31
    /// So many of the longest copies, from bit 10 on.
    private static let runBit: UInt32 = 1 << 30
    static let longestCopy = 258

    /// - Parameters: far, near: what copies may reach back, 1…32,768 bytes.
    mutating func begin(far: Int, near: Int) {
        precondition(far > 0 && far <= 32_768 && near > 0 && near <= 32_768, "deflate sees 32,768 bytes back")
        count = 0
        for symbol in 0..<Self.literals { literalCounts[symbol] = 0 }
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
        if length <= Self.longestCopy {
            tokens[count] = Self.copyBit | (near ? 512 : 0) | UInt32(length)
            count += 1
            literalCounts[257 + Int(lengthSymbols[length])] += 1
            copyCounts[near ? 1 : 0] += 1
            return
        }
        longCopy(length, near: near)
    }
    private mutating func longCopy(_ length: Int, near: Bool) {
        var rest = length
        if rest >= 2 * Self.longestCopy {
            // Nothing shorter than 3 can be copied: what is left is 0, or enough for the last copies.
            let whole = rest % Self.longestCopy < 3 ? rest / Self.longestCopy - 1 : rest / Self.longestCopy
            tokens[count] = Self.copyBit | Self.runBit | (near ? 512 : 0) | UInt32(whole) << 10
            count += 1
            literalCounts[285] += UInt32(whole)
            copyCounts[near ? 1 : 0] += UInt32(whole)
            rest -= whole * Self.longestCopy
        }
        while rest > 0 {
            var part = min(rest, Self.longestCopy)
            if rest - part == 1 || rest - part == 2 { part -= 3 }
            tokens[count] = Self.copyBit | (near ? 512 : 0) | UInt32(part)
            count += 1
            literalCounts[257 + Int(lengthSymbols[part])] += 1
            copyCounts[near ? 1 : 0] += 1
            rest -= part
        }
    }

    private static func makeLengthSymbols() -> [UInt8] {
        var symbols = [UInt8](repeating: 0, count: longestCopy + 1)
        for symbol in 257...285 {
            let base = lengthBase(symbol)
            for length in base..<min(base + 1 << lengthExtraBits(symbol), 259) { symbols[length] = UInt8(symbol - 257) }
        }
        symbols[longestCopy] = 28
        return symbols
    }
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
        huffman.makeLengths(of: literalCounts, Self.literals, limit: 15, into: &literalLengths)
        huffman.makeCodes(of: literalLengths, Self.literals, into: &literalCodes)
        // At most two distances occur: a code of one bit each, in the order of their symbols.
        let far = Self.distanceSymbol(distances[0])
        let near = Self.distanceSymbol(distances[1])
        let sameSymbol = far.symbol == near.symbol
        for symbol in 0..<Self.distanceSymbols { distanceLengths[symbol] = 0 }
        if copyCounts[0] > 0 { distanceLengths[far.symbol] = 1 }
        if copyCounts[1] > 0 { distanceLengths[near.symbol] = 1 }
        let usesBoth = copyCounts[0] > 0 && copyCounts[1] > 0 && !sameSymbol
        let farCode: UInt64 = usesBoth && far.symbol > near.symbol ? 1 : 0
        let nearCode: UInt64 = usesBoth && near.symbol > far.symbol ? 1 : 0

        var bits = 0
        for symbol in 0..<Self.literals { bits += Int(literalCounts[symbol]) * Int(literalLengths[symbol]) }
        bits += (Int(copyCounts[0]) + Int(copyCounts[1])) * 24 + 300 * 14
        output.reserve(start + bits / 8 + 64)
        var sink = BitSink(at: start)
        sink.put(0x0178, 16, &output)  // zlib: deflate with a window of 32 KiB
        sink.put(0b101, 3, &output)  // the last block, of codes of its own
        writeLengths(&sink, &output)

        for symbol in 257...285 where literalLengths[symbol] > 0 {
            let codeBits = UInt32(literalLengths[symbol])
            let extraBits = Self.lengthExtraBits(symbol)
            let base = Self.lengthBase(symbol)
            for extra in 0..<1 << extraBits where base + extra <= Self.longestCopy {
                lengthBits[base + extra] = UInt32(literalCodes[symbol]) | UInt32(extra) << codeBits
                lengthBitCounts[base + extra] = UInt8(codeBits) + UInt8(extraBits)
            }
        }
        let farBits = farCode | UInt64(far.extra) << 1
        let nearBits = nearCode | UInt64(near.extra) << 1
        for at in 0..<count {
            let token = tokens[at]
            if token & Self.copyBit == 0 {
                sink.put(UInt64(literalCodes[Int(token)]), Int(literalLengths[Int(token)]), &output)
            } else {
                let isRun = token & Self.runBit != 0
                let length = isRun ? Self.longestCopy : Int(token & 511)
                let isNear = token & 512 != 0
                let first = Int(lengthBitCounts[length])
                let bits = UInt64(lengthBits[length]) | (isNear ? nearBits : farBits) << UInt64(first)
                let width = first + 1 + (isNear ? near.extraBits : far.extraBits)
                if isRun {
                    sink.repeatedly(bits, width, Int((token & ~(Self.copyBit | Self.runBit)) >> 10), &output)
                } else {
                    sink.put(bits, width, &output)
                }
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
    private mutating func writeLengths(_ sink: inout BitSink, _ output: inout Scratch<UInt8>) {
        var literalEnd = Self.literals
        while literalEnd > 257, literalLengths[literalEnd - 1] == 0 { literalEnd -= 1 }
        var distanceEnd = Self.distanceSymbols
        while distanceEnd > 1, distanceLengths[distanceEnd - 1] == 0 { distanceEnd -= 1 }
        let total = literalEnd + distanceEnd
        for symbol in 0..<19 { codeCounts[symbol] = 0 }
        var used = 0
        var at = 0
        while at < total {
            let value = length(at, literalEnd)
            var run = 1
            while at + run < total, length(at + run, literalEnd) == value { run += 1 }
            at += run
            if value == 0 {
                while run >= 11 {
                    let part = min(run, 138)
                    say(18, part - 11, &used)
                    run -= part
                }
                if run >= 3 {
                    say(17, run - 3, &used)
                    run = 0
                }
            } else {
                say(Int(value), 0, &used)
                run -= 1
                while run >= 3 {
                    let part = min(run, 6)
                    say(16, part - 3, &used)
                    run -= part
                }
            }
            for _ in 0..<run { say(Int(value), 0, &used) }
        }
        huffman.makeLengths(of: codeCounts, 19, limit: 7, into: &codeLengths)
        huffman.makeCodes(of: codeLengths, 19, into: &codeCodes)
        let order: InlineArray<19, Int> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var orderEnd = 19
        while orderEnd > 4, codeLengths[order[orderEnd - 1]] == 0 { orderEnd -= 1 }
        sink.put(UInt64(literalEnd - 257), 5, &output)
        sink.put(UInt64(distanceEnd - 1), 5, &output)
        sink.put(UInt64(orderEnd - 4), 4, &output)
        for at in 0..<orderEnd { sink.put(UInt64(codeLengths[order[at]]), 3, &output) }
        for at in 0..<used {
            let symbol = Int(codeSymbols[at] & 0xFF)
            sink.put(UInt64(codeCodes[symbol]), Int(codeLengths[symbol]), &output)
            let extraBits = symbol == 16 ? 2 : symbol == 17 ? 3 : symbol == 18 ? 7 : 0
            if extraBits > 0 { sink.put(UInt64(codeSymbols[at] >> 8), extraBits, &output) }
        }
    }
}

extension DeflateTokens {
    /// Of the two codes' lengths, literals first.
    @inline(__always) private func length(_ at: Int, _ literalEnd: Int) -> UInt8 {
        at < literalEnd ? literalLengths[at] : distanceLengths[at - literalEnd]
    }
    /// A symbol in the low byte, what its extra bits say above.
    @inline(__always) private mutating func say(_ symbol: Int, _ extra: Int, _ used: inout Int) {
        codeSymbols[used] = UInt16(extra << 8 | symbol)
        used += 1
        codeCounts[symbol] += 1
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
    /// The same `width` bits, 1…28, `times` over.
    @inline(__always)
    mutating func repeatedly(_ value: UInt64, _ width: Int, _ times: Int, _ output: inout Scratch<UInt8>) {
        var left = times
        if left >= 4 {
            // As many as fit are put at once.
            let together = 56 / width
            var many: UInt64 = 0
            for _ in 0..<together { many = many << UInt64(width) | value }
            while left >= together {
                put(many, together * width, &output)
                left -= together
            }
        }
        for _ in 0..<left { put(value, width, &output) }
    }
    /// - Returns: the position after the last byte.
    func end(_ output: inout Scratch<UInt8>) -> Int { position + (count > 0 ? 1 : 0) }
}
