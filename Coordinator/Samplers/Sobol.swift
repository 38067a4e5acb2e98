/// Points that fill a cube evenly: the first 2ᵏ of them hit each of many equal boxes equally often.
/// Source: Sobol' (1967) in the Gray code order of Antonov and Saleev (1979).
struct Sobol: Sendable {
    static let bits = 32
    /// Dimensions with direction numbers.
    static var dimensionLimit: Int { sobolDirections.count + 1 }

    /// Shape [dimensions][32].
    private let directions: [[UInt32]]

    init(dimensions: Int) {
        precondition(dimensions <= Self.dimensionLimit, "direction numbers are tabled for so many dimensions")
        directions = (0..<dimensions).map { dimension in
            if dimension == 0 { return (0..<UInt32(Self.bits)).map { 1 << (31 - $0) } }
            let polynomial = sobolDirections[dimension - 1][0]
            let degree = 31 - polynomial.leadingZeroBitCount
            var values: [UInt32] = []
            for bit in 0..<Self.bits {
                guard bit >= degree else {
                    values.append(sobolDirections[dimension - 1][1 + bit] << UInt32(31 - bit))
                    continue
                }
                var value = values[bit - degree] ^ values[bit - degree] >> UInt32(degree)
                for term in 1..<max(degree, 1) where polynomial >> UInt32(degree - term) & 1 == 1 {
                    value ^= values[bit - term]
                }
                values.append(value)
            }
            return values
        }
    }

    /// Point `index` in units of 2⁻³².
    func point(_ index: UInt32) -> [UInt32] {
        let gray = index ^ index >> 1
        return directions.map { values in
            var (rest, sum) = (gray, UInt32(0))
            while rest != 0 {
                sum ^= values[rest.trailingZeroBitCount]
                rest &= rest - 1
            }
            return sum
        }
    }

    /// Point `index`, its digits permuted at random but so that it stays as even: in (0, 1).
    /// Source: Owen (1995); by the hash of Laine and Karras (2011) as Burley (2020), *Practical Hash-based Owen
    /// Scrambling*, uses it.
    func scrambled(_ index: UInt32, seed: UInt32) -> [Double] {
        point(index).enumerated().map { dimension, value in
            var draws = TrialDraws(seed: seed, number: dimension, purpose: 7)
            let key = UInt32(truncatingIfNeeded: draws.nextWord())
            var word = Self.reversed(value)
            word &+= key
            word ^= word &* 0x6C50_B47C
            word ^= word &* 0xB82F_1E52
            word ^= word &* 0xC7AF_E638
            word ^= word &* 0x8D22_F6E6
            return (Double(Self.reversed(word)) + 0.5) / 4_294_967_296
        }
    }

    private static func reversed(_ word: UInt32) -> UInt32 {
        var word = word.byteSwapped
        word = (word & 0x0F0F_0F0F) << 4 | (word >> 4) & 0x0F0F_0F0F
        word = (word & 0x3333_3333) << 2 | (word >> 2) & 0x3333_3333
        return (word & 0x5555_5555) << 1 | (word >> 1) & 0x5555_5555
    }
}

/// Trial n is point n of a scrambled Sobol sequence; choices and steps share its sides evenly. Parameters past the tabled
/// dimensions are drawn at random.
package struct QuasiRandomSampler: Sampler {
    private let cube: UnitCube
    private let seed: UInt32
    private let sobol: Sobol

    package init(space: Space, seed: UInt32) {
        cube = UnitCube(space)
        self.seed = seed
        sobol = Sobol(dimensions: min(cube.dimensions, Sobol.dimensionLimit))
    }

    package mutating func learn(_ trial: Trial) {}

    package mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion? {
        var point = sobol.scrambled(UInt32(truncatingIfNeeded: number), seed: seed)
        var draws = TrialDraws(seed: seed, number: number, purpose: 1)
        while point.count < cube.dimensions { point.append(draws.nextDouble()) }
        return Suggestion(values: cube.values(of: point, fixed: fixed).values)
    }

    package mutating func skip(number: Int, to suggestion: Suggestion) {}
}
