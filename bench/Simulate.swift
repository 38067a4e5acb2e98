import CoordinatorCore
import TestSupport

/// `bench simulate [seeds] [first]`: how many histories and events of the simulator fit a second, what they reached, and
/// which seeds break a rule.
package enum SimulateBench {
    package static func run(arguments: [String]) {
        if arguments.first == "planted" { return runPlanted() }
        let count = arguments.first.flatMap { UInt64($0) } ?? 500
        let first = arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1
        let sweep = Sweep.run(Array(first..<first + count))
        for failure in sweep.failures { print(failure.words) }
        print(sweep.summary)
    }

    /// `bench simulate planted`: for each planted mistake, how many of 100 seeds find it, and what the first says.
    private static func runPlanted() {
        for bug in PlantedBug.allCases {
            var found: [UInt64] = []
            var words = ""
            for seed in 1...100 as ClosedRange<UInt64> {
                var simulation = Simulation(seed: seed, plantedBug: bug)
                guard let failure = simulation.run() else { continue }
                found.append(seed)
                if words.isEmpty { words = String(failure.prefix { $0 != "\n" }) }
            }
            print("\(bug): \(found.count) of 100 seeds: \(words)")
        }
    }
}
