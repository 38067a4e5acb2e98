/// MT19937 as NumPy's legacy `RandomState` seeds and reads it: a 32-bit seed by Knuth's recurrence, doubles of 53 bits.
/// Source: Matsumoto and Nishimura (1998), *Mersenne Twister*.
package struct MersenneTwister: Sendable {
    private static let length = 624
    private static let middle = 397
    private var state: [UInt32]
    private var position = length
    /// Words taken so far.
    package private(set) var taken: UInt64 = 0

    package init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(Self.length)
        for index in 1..<UInt32(Self.length) {
            let last = state[Int(index) - 1]
            state.append(1_812_433_253 &* (last ^ last >> 30) &+ index)
        }
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    package mutating func nextDouble() -> Double {
        let high = nextWord() >> 5
        let low = nextWord() >> 6
        return (Double(high) * 67_108_864 + Double(low)) / 9_007_199_254_740_992
    }

    /// To where `words` words have been taken, which is not behind.
    package mutating func advance(to words: UInt64) {
        precondition(words >= taken, "a stream of draws does not run backwards")
        while taken < words {
            if position == Self.length { regenerate() }
            let step = Int(min(words - taken, UInt64(Self.length - position)))
            position += step
            taken += UInt64(step)
        }
    }

    private mutating func nextWord() -> UInt32 {
        if position == Self.length { regenerate() }
        var word = state[position]
        position += 1
        taken += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9D2C_5680
        word ^= word << 15 & 0xEFC6_0000
        return word ^ word >> 18
    }

    private mutating func regenerate() {
        for index in 0..<Self.length {
            let next = index + 1 == Self.length ? 0 : index + 1
            let far = index + Self.middle < Self.length ? index + Self.middle : index + Self.middle - Self.length
            let mixed = state[index] & 0x8000_0000 | state[next] & 0x7FFF_FFFF
            state[index] = state[far] ^ mixed >> 1 ^ (mixed & 1 == 1 ? 0x9908_B0DF : 0)
        }
        position = 0
    }
}
