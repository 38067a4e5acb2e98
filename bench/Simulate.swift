import CoordinatorCore
import Glibc
import TestSupport

/// `bench simulate [seeds] [first]`: how many histories and events of the simulator fit a second, what they reached, and
/// which seeds break a rule.
package enum SimulateBench {
    package static func run(arguments: [String]) {
        if arguments.first == "planted" { return runPlanted() }
        if arguments.first == "least" { return runLeast(Array(arguments.dropFirst())) }
        let count = arguments.first.flatMap { UInt64($0) } ?? 500
        let first = arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1
        let sweep = Sweep.run(Array(first..<first + count))
        for failure in sweep.failures { print(failure.words) }
        if let first = sweep.failures.first { print("bench simulate least \(first.seed)   makes the first one small") }
        for cell in Coverage.Cell.all where Coverage.demand(cell) == .required && sweep.coverage.count(cell) == 0 {
            print("not reached: \(cell)")
        }
        print("at most \(digits(ProcessFacts.peakBytes(getpid()) / 1_048_576, 0)) MiB resident")
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

    /// `bench simulate least SEED [MISTAKE]`: what a failing seed needs to fail, and no more.
    private static func runLeast(_ arguments: [String]) {
        guard let seed = arguments.first.flatMap({ UInt64($0) }) else { return print("which seed?") }
        let bug = arguments.dropFirst().first.flatMap { PlantedBug(rawValue: $0) }
        print(Minimiser.minimise(seed: seed, plantedBug: bug).map { "\($0)" } ?? "seed \(seed) breaks no rule")
    }
}
