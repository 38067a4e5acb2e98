import Market
import TestSupport
import Testing

/// FNV-1a, enough to notice any change of a byte.
private func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01B3 }
}

@Test func `a demo's bytes depend on its seed and on nothing else`() {
    #expect(hash(DemoMarket.csv(seed: 1, symbolCount: 50, dayCount: 40)) == 17_127_923_653_854_180_773)
    #expect(DemoMarket.csv(seed: 1, symbolCount: 5) == DemoMarket.csv(seed: 1, symbolCount: 5))
    #expect(DemoMarket.csv(seed: 1, symbolCount: 5) != DemoMarket.csv(seed: 2, symbolCount: 5))
}

@Test(arguments: [1, 2, 3] as [UInt64])
func `a demo fills a universe of 1,000 and has rows of every kind to refuse`(seed: UInt64) throws {
    let read = try DailyBars(csv: DemoMarket.csv(seed: seed), name: "demo")
    #expect(read.rejected.list.map(\.reason) == RowRejectionReason.allCases)
    let selection = try UniverseSelection(read, seed: seed, name: "demo")
    #expect(selection.rejected.map(\.rule) == UniverseSelection.Rule.allCases)
    // No day is so one-sided that nothing or everything is a hit.
    for hits in selection.universe.hits { #expect((300...700).contains(hits.count), "\(hits.count)") }
}

@Test func `day numbers and dates are each other's inverse`() {
    for day in stride(from: 0, to: 80_000, by: 1) {
        let date = MarketDate.date(dayNumber: day)
        #expect(MarketDate.isDay(date) && MarketDate.dayNumber(date) == day)
    }
    #expect(MarketDate.dayNumber(19_700_101) == 0 && MarketDate.dayNumber(20_000_301) == 11_017)
    #expect(!MarketDate.isDay(19_000_229) && MarketDate.isDay(20_000_229))
}

@Test func `sampling is without repetition and reaches everything`() {
    var generator = SplitMix64(seed: 7)
    var counts = [Int](repeating: 0, count: 10)
    for _ in 0..<1000 {
        let sample = generator.sample(3, of: 10)
        #expect(Set(sample).count == 3)
        for one in sample { counts[one] += 1 }
    }
    // 300 expected each, standard deviation 14.5.
    #expect(counts.allSatisfy { (220...380).contains($0) }, "\(counts)")
    // The published generator's first numbers for seed 0.
    var zero = SplitMix64(seed: 0)
    #expect(zero.next() == 0xE220_A839_7B1D_CDAF && zero.next() == 0x6E78_9E6A_A1B9_65F4)
}

@Test func `a large demo has names enough`() throws {
    let bars = try DailyBars(csv: DemoMarket.csv(seed: 3, symbolCount: 2300, dayCount: 2), name: "demo")
    #expect(Set(bars.symbols).count == bars.symbols.count && bars.symbols.count > 2205)
}
