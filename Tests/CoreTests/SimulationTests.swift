import CoordinatorCore
import TestSupport
import Testing

@Suite(.serialized)
struct SimulationTests {
    @Test func `whatever is lost, late, repeated or dead, nothing acknowledged is lost and all work ends in its time`()
    {
        let isWhole = seeds(2).count > 1
        let sweep = Sweep.run(seeds(1300))
        print(sweep.summary)
        for failure in sweep.failures { Issue.record("\(failure.words)") }
        guard isWhole else { return }
        #expect(sweep.eventCount >= 10_000_000)
        for fault in Fault.allCases { #expect(sweep.coverage.faults[fault] ?? 0 >= 20, "\(fault) is hardly tried") }
        for cell in Coverage.Cell.all {
            switch Coverage.demand(cell) {
            case .required: #expect(sweep.coverage.count(cell) > 0, "\(cell) was not reached")
            case .impossible(let reason):
                #expect(sweep.coverage.count(cell) == 0, "\(cell) was reached, though \(reason)")
            case .rare: break
            }
        }
    }

    @Test(arguments: [PlantedBug.acceptsTwice, .reusesEpochs, .ignoresSilence, .acceptsStaleClaims])
    func `a failure is made small: few events, each of them needed`(bug: PlantedBug) throws {
        // Some seeds have no short history: a run of many tasks must be there, each with its result.
        let failing = (1...40 as ClosedRange<UInt64>).lazy.filter { seed in
            var simulation = Simulation(seed: seed, plantedBug: bug)
            return simulation.run() != nil
        }
        let found = failing.prefix(4).compactMap { Minimiser.minimise(seed: $0, plantedBug: bug) }
        let least = try #require(found.first { ($0.history?.count ?? .max) <= 50 })
        let history = try #require(least.history)
        print("\(bug): seed \(least.seed) in \(history.count) events")
        #expect(history.count <= 50)
        #expect(Retelling.violation(in: history, plantedBug: bug)?.rule == least.violation.rule)
        #expect(Retelling.violation(in: history, plantedBug: nil) == nil)
        for at in history.indices {
            var fewer = history
            fewer.remove(at: at)
            #expect(Retelling.violation(in: fewer, plantedBug: bug)?.rule != least.violation.rule)
        }
    }

    @Test func `one seed is one history`() {
        var (first, second) = (Simulation(seed: 7), Simulation(seed: 7))
        #expect(first.run() == second.run())
        #expect(first.trace == second.trace)
        #expect(first.decisions.value == second.decisions.value)
        #expect(first.core.stateHash == second.core.stateHash)
    }

    @Test(arguments: seeds(20))
    func `a core taken out of a snapshot decides as the one that was put into it`(seed: UInt64) {
        var (straight, broken) = (Simulation(seed: seed), Simulation(seed: seed))
        broken.snapshotEvery = 37
        #expect(straight.run() == broken.run())
        #expect(straight.trace == broken.trace)
        #expect(straight.decisions.value == broken.decisions.value)
        #expect(straight.core.stateHash == broken.core.stateHash)
    }

    @Test func `snapshots hold every stored property`() {
        // Whoever adds one to these types adds it to Snapshot.swift, and counts it there.
        #expect(Core.properties == Core.snapshotProperties)
    }

    @Test(arguments: PlantedBug.allCases)
    func `a planted mistake is found`(bug: PlantedBug) {
        let found = (1...720 as ClosedRange<UInt64>).contains { seed in
            var simulation = Simulation(seed: seed, plantedBug: bug)
            return simulation.run() != nil
        }
        #expect(found, "\(bug) went unnoticed")
    }
}
