import TestSupport

/// `bench simulate [seeds] [first]`: how many histories and events of the simulator fit a second, and which seeds break.
package enum SimulateBench {
    package static func run(arguments: [String]) {
        let count = arguments.first.flatMap { UInt64($0) } ?? 500
        let first = arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1
        let start = ContinuousClock.now
        var events = 0
        var failures = 0
        for seed in first..<first + count {
            var simulation = Simulation(seed: seed, keepsRecent: count == 1)
            if let words = simulation.run() {
                failures += 1
                print(words)
            }
            events += simulation.eventCount
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(
            "\(count) seeds, \(events) events, \(failures) failures in \(seconds) s: \(Double(events) / seconds) events/s"
        )
    }
}
