import CoordinatorCore
import TestSupport

/// `bench simulate [seeds] [first]`: how many histories and events of the simulator fit a second, and which seeds break.
package enum SimulateBench {
    package static func run(arguments: [String]) {
        if arguments.first == "planted" { return runPlanted() }
        let count = arguments.first.flatMap { UInt64($0) } ?? 500
        let first = arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1
        let start = ContinuousClock.now
        var events = 0
        var failures = 0
        var slowest: (seed: UInt64, milliseconds: UInt64) = (0, 0)
        for seed in first..<first + count {
            var simulation = Simulation(seed: seed, keepsRecent: count == 1)
            if let words = simulation.run() {
                failures += 1
                print(words)
            }
            events += simulation.eventCount
            if simulation.recovery > slowest.milliseconds { slowest = (seed, simulation.recovery) }
        }
        print("slowest end after the faults: \(slowest.milliseconds) ms, seed \(slowest.seed)")
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(
            "\(count) seeds, \(events) events, \(failures) failures in \(seconds) s: \(Double(events) / seconds) events/s"
        )
    }

    /// `bench simulate planted`: for each planted mistake, which of 100 seeds find it, until three have.
    private static func runPlanted() {
        for bug in PlantedBug.allCases {
            var found: [UInt64] = []
            var words = ""
            for seed in 1...100 as ClosedRange<UInt64> {
                var simulation = Simulation(seed: seed, plantedBug: bug)
                guard let failure = simulation.run() else { continue }
                found.append(seed)
                words = String(failure.prefix { $0 != "\n" })
                if found.count == 3 { break }
            }
            print("\(bug): seeds \(found.map(String.init).joined(separator: ", ")): \(words)")
        }
    }
}
