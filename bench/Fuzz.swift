import Foundation
import TestSupport

/// `bench fuzz [FRAMES] [SEED]`: hostile frames through the codec, 10⁷ by default. One that is read must be written again
/// as the same bytes; none may trap.
package enum FuzzBench {
    package static func run(arguments: [String]) {
        let count = arguments.first.flatMap { Int($0) } ?? 10_000_000
        let seed = arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1
        var fuzz = FrameFuzz(seed: seed)
        let began = ContinuousClock.now
        for at in 0..<count {
            if let wrong = fuzz.step() {
                print("fuzz: seed \(seed), frame \(at): \(wrong)")
                exit(1)
            }
        }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        print(
            "\(count) hostile frames from seed \(seed): \(fuzz.accepted) read, \(fuzz.refused) refused, no trap; "
                + "\(Int(Double(count) / seconds)) a second")
    }
}
