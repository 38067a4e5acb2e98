import CoordinatorCore

/// What is left of a failing history when all that it does not need is taken away.
package struct Minimised: Sendable, CustomStringConvertible {
    package var seed: UInt64
    package var violation: Violation
    /// Of the drawn jobs; faults that it needs not.
    package var jobs: [Int]
    package var without: Set<Fault>
    /// Enough to break the rule in a fresh core; nil for a rule about the cluster around it.
    package var history: [Told]?

    package var description: String {
        let needed = Fault.allCases.filter { FaultMix(seed: seed, without: without).allows($0) }
        let events = history.map { ", \($0.count) events:\n" + $0.map { "\($0)" }.joined(separator: "\n") } ?? ""
        return "seed \(seed): \(violation.rule) with jobs \(jobs) and faults \(needed)\(events)"
    }
}

package enum Minimiser {
    /// - Returns: nil when the seed breaks nothing.
    package static func minimise(seed: UInt64, plantedBug: PlantedBug? = nil) -> Minimised? {
        var first = Simulation(seed: seed, plantedBug: plantedBug)
        _ = first.run()
        guard let violation = first.broken else { return nil }
        var least = Minimised(
            seed: seed, violation: violation, jobs: Array(first.wanted.indices), without: [], history: nil)
        shrink(&least, plantedBug)
        var simulation = Simulation(seed: seed, plantedBug: plantedBug, without: least.without, jobs: least.jobs)
        simulation.keepsHistory = true
        _ = simulation.run()
        let history = simulation.history
        guard breaks(history, violation.rule, plantedBug) else { return least }
        least.history = reduce(history) { breaks($0, violation.rule, plantedBug) }
        return least
    }

    private static func breaks(_ history: [Told], _ rule: Invariant, _ plantedBug: PlantedBug?) -> Bool {
        Retelling.violation(in: history, plantedBug: plantedBug)?.rule == rule
    }

    /// Jobs and faults that the same rule is broken without.
    private static func shrink(_ least: inout Minimised, _ plantedBug: PlantedBug?) {
        func fails(_ without: Set<Fault>, _ jobs: [Int]) -> Bool {
            var simulation = Simulation(seed: least.seed, plantedBug: plantedBug, without: without, jobs: jobs)
            _ = simulation.run()
            return simulation.broken?.rule == least.violation.rule
        }
        for job in least.jobs where least.jobs.count > 1 {
            let fewer = least.jobs.filter { $0 != job }
            if fails(least.without, fewer) { least.jobs = fewer }
        }
        for fault in Fault.allCases where FaultMix(seed: least.seed).allows(fault) {
            let fewer = least.without.union([fault])
            if fails(fewer, least.jobs) { least.without = fewer }
        }
    }

    /// Delta debugging: takes away halves, then quarters, down to single elements, as long as it still fails.
    /// Source: Zeller and Hildebrandt (2002), *Simplifying and Isolating Failure-Inducing Input*.
    static func reduce<Element>(_ whole: [Element], _ fails: ([Element]) -> Bool) -> [Element] {
        var rest = whole
        var size = max(1, rest.count / 2)
        while true {
            var start = 0
            var isShorter = false
            while start < rest.count {
                var fewer = rest
                fewer.removeSubrange(start..<min(rest.count, start + size))
                if fails(fewer) {
                    rest = fewer
                    isShorter = true
                } else {
                    start += size
                }
            }
            if size == 1, !isShorter { return rest }
            if size > 1 { size = max(1, size / 2) }
        }
    }
}
