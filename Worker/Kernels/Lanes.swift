/// Eight tickers side by side.
typealias Lanes = SIMD8<Double>

extension [Double] {
    /// Eight neighbours from element `at`.
    @inline(__always) func lanes(_ at: Int) -> Lanes {
        // Bounds-checked. Unsafe in type only: any 64 bytes are a valid SIMD8<Double>.
        unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: at &* 8, as: Lanes.self)
    }
    /// Four neighbours from element `at`, for loops that need their registers for more than one series.
    @inline(__always) func fourLanes(_ at: Int) -> SIMD4<Double> {
        // As above, with 32 bytes.
        unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: at &* 8, as: SIMD4<Double>.self)
    }
    /// Overwrites eight neighbours from element `at`.
    @inline(__always) mutating func store(_ lanes: Lanes, _ at: Int) {
        var span = mutableSpan
        // Bounds-checked. Unsafe in type only: any 64 bytes are eight doubles.
        var bytes = unsafe span.mutableBytes
        bytes.storeBytes(of: lanes, toByteOffset: at &* 8, as: Lanes.self)
    }
}

/// Bit i is lane i.
@inline(__always) func eightBits(_ mask: SIMDMask<SIMD8<Int64>>) -> UInt64 {
    SIMD8<UInt64>.zero.replacing(with: SIMD8(1, 2, 4, 8, 16, 32, 64, 128), where: mask).wrappedSum()
}

/// One word of a `TickerSet`: bit 8·g + i is lane i of the mask that `mask` makes of group g, g = 0…7.
@inline(__always) func word(_ mask: (_ group: Int) -> SIMDMask<SIMD8<Int64>>) -> UInt64 {
    // Bits are collected lane by lane and summed across once: they are disjoint, so a sum is a union.
    var bits = SIMD8<UInt64>.zero
    var bit = SIMD8<UInt64>(1, 2, 4, 8, 16, 32, 64, 128)
    for group in 0..<8 {
        bits |= SIMD8<UInt64>.zero.replacing(with: bit, where: mask(group))
        bit &<<= 8
    }
    return bits.wrappedSum()
}
