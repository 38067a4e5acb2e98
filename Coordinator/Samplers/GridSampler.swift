/// Every combination once, in an order shuffled by the seed; nothing after the last.
///
/// A child of a condition counts only under the values that make it active, so that no combination comes twice. A trial
/// with enqueued values does not take a combination from the grid: what is not enqueued is drawn at random.
package struct GridSampler: Sampler {
    private static let limit = 1 << 40

    private let space: Space
    private let seed: UInt32
    /// Per parameter its children.
    private let children: [[Int]]
    /// Per parameter and value how many combinations of it and its descendants are below this value.
    private let below: [[Int]]
    private let order: Shuffle
    private var next: UInt64 = 0

    /// Combinations in all.
    package var count: Int { order.count }

    package init(space: Space, seed: UInt32) throws(SpaceError) {
        self.space = space
        self.seed = seed
        var children = [[Int]](repeating: [], count: space.count)
        for (at, parameter) in space.parameters.enumerated() {
            if let when = parameter.when { children[when.parent].append(at) }
        }
        var below = [[Int]](repeating: [], count: space.count)
        for at in space.axes.indices.reversed() {
            let (axis, name) = (space.axes[at], space.parameters[at].name)
            guard axis.isDiscrete || axis.isSingle else {
                throw SpaceError("\(name): a grid needs steps; give it a step, or use the sampler qmc.")
            }
            let values = axis.isSingle ? 1 : axis.valueCount
            guard values <= 1 << 20 else {
                throw SpaceError("\(name): a grid over \(values) values; give a larger step, or use the sampler qmc.")
            }
            var sums = [0]
            for option in 0..<values {
                let value = axis.gridValue(option)
                var product = 1
                for child in children[at] where space.parameters[child].when?.values.contains(value) ?? false {
                    product = try Self.product(product, below[child].last ?? 1)
                }
                sums.append(try Self.checked(sums[option] + product))
            }
            below[at] = sums
        }
        var count = 1
        for at in space.axes.indices where space.parameters[at].when == nil {
            count = try Self.product(count, below[at].last ?? 1)
        }
        self.children = children
        self.below = below
        order = Shuffle(count: count, seed: seed)
    }

    private static func product(_ a: Int, _ b: Int) throws(SpaceError) -> Int {
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        return try checked(overflow ? .max : product)
    }
    private static func checked(_ count: Int) throws(SpaceError) -> Int {
        guard count <= limit else {
            throw SpaceError("a grid of more than \(limit) combinations; give larger steps, or use the sampler qmc.")
        }
        return count
    }

    package mutating func learn(_ trial: Trial) {}

    package mutating func suggest(number: Int, pending: [PendingTrial], fixed: [Double?]) -> Suggestion? {
        if fixed.contains(where: { $0 != nil }) {
            var draws = TrialDraws(seed: seed, number: number, purpose: 2)
            var values = [Double?](repeating: nil, count: space.count)
            for (at, axis) in space.axes.enumerated() where space.isActive(at, given: values) {
                values[at] = fixed[at] ?? axis.gridValue(draws.next(below: axis.isSingle ? 1 : axis.valueCount))
            }
            return Suggestion(values: values, draws: Draws(model: next))
        }
        guard next < UInt64(count) else { return nil }
        let values = combination(order.position(Int(next)))
        next += 1
        return Suggestion(values: values, draws: Draws(model: next))
    }

    package mutating func skip(number: Int, to suggestion: Suggestion) { next = suggestion.draws.model }

    /// Combination `index` in plain order.
    private func combination(_ index: Int) -> [Double?] {
        var values = [Double?](repeating: nil, count: space.count)
        func fill(_ at: Int, _ index: Int) {
            var (low, high) = (0, below[at].count - 1)
            while high - low > 1 {
                let middle = (low + high) / 2
                if below[at][middle] <= index { low = middle } else { high = middle }
            }
            let value = space.axes[at].gridValue(low)
            values[at] = value
            var rest = index - below[at][low]
            for child in children[at] where space.parameters[child].when?.values.contains(value) ?? false {
                let count = below[child].last ?? 1
                fill(child, rest % count)
                rest /= count
            }
        }
        var rest = index
        for at in space.axes.indices where space.parameters[at].when == nil {
            let count = below[at].last ?? 1
            fill(at, rest % count)
            rest /= count
        }
        return values
    }
}

extension Axis {
    fileprivate func gridValue(_ option: Int) -> Double {
        isSingle ? low : isCategorical ? Double(option) : value(of: option)
    }
}

/// A permutation of 0 ..< count without a table: four rounds of a Feistel network on the next power of four, walked until
/// inside. Source: Black and Rogaway (2002), *Ciphers with Arbitrary Finite Domains*.
struct Shuffle: Sendable {
    let count: Int
    private let half: UInt64
    private let keys: [UInt64]

    init(count: Int, seed: UInt32) {
        self.count = count
        let bits = Int.bitWidth - max(count - 1, 1).leadingZeroBitCount
        half = UInt64((bits + 1) / 2)
        var draws = TrialDraws(seed: seed, number: 0, purpose: 3)
        keys = (0..<4).map { _ in draws.nextWord() }
    }

    func position(_ index: Int) -> Int {
        var word = UInt64(index)
        repeat {
            var (left, right) = (word >> half, word & (1 << half - 1))
            for key in keys {
                var mixed = (right ^ key) &* 0xBF58_476D_1CE4_E5B9
                mixed = (mixed ^ mixed >> 29) &* 0x94D0_49BB_1331_11EB
                (left, right) = (right, left ^ (mixed ^ mixed >> 32) & (1 << half - 1))
            }
            word = left << half | right
        } while word >= UInt64(count)
        return Int(word)
    }
}
