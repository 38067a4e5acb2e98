import Foundation

/// The seeds a property is tried with: `SEED=42 swift test` tries just that one again.
package func seeds(_ count: Int) -> [UInt64] {
    if let text = ProcessInfo.processInfo.environment["SEED"], let seed = UInt64(text) { return [seed] }
    return (1...UInt64(count)).map { $0 }
}

/// SplitMix64: small, seedable, the same everywhere. For tests only. Source: Steele, Lea and Flood (2014).
package struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    package init(seed: UInt64) { state = seed }
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
