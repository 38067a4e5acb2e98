import TestSupport
import Testing

@Test(arguments: seeds(4)) func `fifty thousand hostile frames a seed neither trap nor mean two things`(seed: UInt64) {
    var fuzz = FrameFuzz(seed: seed)
    for at in 0..<50_000 {
        guard let wrong = fuzz.step() else { continue }
        Issue.record("seed \(seed), frame \(at): \(wrong)")
        return
    }
    // Both sides of the check were reached.
    #expect(fuzz.accepted > 2000 && fuzz.refused > 2000, "\(fuzz.accepted) accepted, \(fuzz.refused) refused")
}
