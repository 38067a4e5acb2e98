import Foundation
import Market

/// The seeds a property is tried with: `SEED=42 swift test` tries just that one again.
package func seeds(_ count: Int) -> [UInt64] {
    if let text = ProcessInfo.processInfo.environment["SEED"], let seed = UInt64(text) { return [seed] }
    return (1...UInt64(count)).map { $0 }
}

/// The project's one seedable generator, under the name that tests use.
package typealias SplitMix = SplitMix64
