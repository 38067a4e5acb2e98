import Foundation
import Synchronization

/// Many seeds, on all cores: what they reached together, and which of them broke a rule.
package struct Sweep: Sendable {
    package private(set) var seedCount = 0
    package private(set) var eventCount = 0
    package private(set) var coverage = Coverage()
    /// By seed.
    package private(set) var failures: [(seed: UInt64, words: String)] = []
    /// Of all recoveries the one that took the largest part of its bound.
    package private(set) var slowest: (seed: UInt64, milliseconds: UInt64, bound: RecoveryBound)?
    package private(set) var seconds = 0.0
    /// Of all decisions of all seeds, whatever thread ran them: the same on every machine and build.
    package private(set) var decisions: UInt64 = 0

    package static func run(_ seeds: [UInt64]) -> Sweep {
        let start = ContinuousClock.now
        let state = Mutex((next: 0, total: Sweep()))
        DispatchQueue.concurrentPerform(iterations: ProcessInfo.processInfo.activeProcessorCount) { _ in
            while true {
                let next = state.withLock { state in
                    defer { state.next += 1 }
                    return state.next
                }
                guard next < seeds.count else { return }
                var simulation = Simulation(seed: seeds[next], keepsRecent: seeds.count == 1)
                let failure = simulation.run()
                state.withLock { $0.total.add(simulation, failure) }
            }
        }
        var total = state.withLock { $0.total }
        total.failures.sort { $0.seed < $1.seed }
        total.seconds = (ContinuousClock.now - start) / .seconds(1)
        return total
    }

    private mutating func add(_ simulation: Simulation, _ failure: String?) {
        seedCount += 1
        eventCount += simulation.eventCount
        coverage.add(simulation.coverage)
        decisions &+= simulation.decisions.value &* (2 &* simulation.seed + 1)
        if let failure { failures.append((simulation.seed, failure)) }
        let part = Self.part(simulation.recovery, simulation.recoveryBound)
        // The seed decides between equals, not the thread that was first.
        let known = slowest.map { (Self.part($0.milliseconds, $0.bound), UInt64.max - $0.seed) } ?? (0, 0)
        if (part, UInt64.max - simulation.seed) > known {
            slowest = (simulation.seed, simulation.recovery, simulation.recoveryBound)
        }
    }
    private static func part(_ milliseconds: UInt64, _ bound: RecoveryBound) -> UInt64 {
        milliseconds * 1000 / max(bound.milliseconds, 1)
    }

    package var summary: String {
        let rate = Double(eventCount) / seconds
        var lines = [coverage.table]
        if let slowest {
            lines.append(
                "slowest recovery: \(slowest.milliseconds) ms of at most \(slowest.bound.milliseconds), "
                    + "\(slowest.bound); seed \(slowest.seed)")
        }
        lines.append(
            "\(seedCount) seeds, \(eventCount) events, decisions \(String(decisions, radix: 16)), "
                + "\(failures.count) failures in \(seconds) s: \(rate) events/s")
        return lines.joined(separator: "\n")
    }
}
