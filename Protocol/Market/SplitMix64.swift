/// A small seedable generator that gives the same numbers on every machine and with every version of Swift's library.
/// Source: Steele, Lea and Flood (2014), *Fast splittable pseudorandom number generators*.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in 0 ..< bound, without bias. Source: Lemire (2019), *Fast random integer generation in an interval*.
    package mutating func next(below bound: Int) -> Int {
        precondition(bound > 0, "a draw needs at least one possibility")
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// Uniform in 0 ..< 1: a multiple of 2⁻⁵³.
    package mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// `count` distinct elements of `0 ..< total`, every choice and order equally likely: the beginning of a
    /// Fisher–Yates shuffle.
    package mutating func sample(_ count: Int, of total: Int) -> [Int] {
        precondition(count >= 0 && count <= total, "a sample is not larger than what it is drawn from")
        var order = Array(0..<total)
        for at in 0..<count { order.swapAt(at, at + next(below: total - at)) }
        return Array(order.prefix(count))
    }
}
