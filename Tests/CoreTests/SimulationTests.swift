import CoordinatorCore
import TestSupport
import Testing

@Test(arguments: seeds(500))
func `whatever is lost, late, repeated or dead, nothing acknowledged is lost and all work ends`(seed: UInt64) {
    var simulation = Simulation(seed: seed, keepsRecent: seeds(2).count == 1)
    let failure = simulation.run()
    #expect(failure == nil)
}

@Test func `one seed is one history`() {
    var (first, second) = (Simulation(seed: 7), Simulation(seed: 7))
    #expect(first.run() == second.run())
    #expect(first.trace == second.trace)
    #expect(first.core.stateHash == second.core.stateHash)
}

@Test(arguments: PlantedBug.allCases)
func `a planted mistake is found`(bug: PlantedBug) {
    let found = (1...120 as ClosedRange<UInt64>).contains { seed in
        var simulation = Simulation(seed: seed, plantedBug: bug)
        return simulation.run() != nil
    }
    #expect(found, "\(bug) went unnoticed")
}
