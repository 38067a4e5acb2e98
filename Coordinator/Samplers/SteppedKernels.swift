import Glibc

/// The kernels of an axis with few values. Those on one value differ in bandwidth only: the first of them has the gap to
/// the left, the last the gap to the right, and all between the smallest.
struct SteppedKernels {
    /// What is told apart of the kernels on one value.
    enum Place: Int { case middle, first, last }

    /// Per kernel its value's position among the axis' values.
    let options: [Int32]
    /// Per position its value in the axis' domain; read where a kernel is.
    private let centres: [Double]
    /// Per position the first and the last kernel on it, −1 where there is none.
    private(set) var firsts: [Int32]
    private(set) var lasts: [Int32]
    /// Per position how many kernels are on it; and the positions with any.
    private(set) var counts: [Int32]
    let used: [Int]
    private(set) var firstSigmas: [Double]
    private(set) var lastSigmas: [Double]
    let narrowest: Double
    /// On evenly spaced steps: the masses around a step for each bandwidth that occurs, the narrowest first, and which
    /// of them the first and the last kernel of each position have.
    private var tables: [StepMasses] = []
    private var firstTables: [Int32] = []
    private var lastTables: [Int32] = []

    init(_ column: inout Column, _ members: [Int32], _ ties: TieOrder) {
        let axis = column.axis
        let (low, high) = (axis.domainLow, axis.domainHigh)
        let count = axis.stepCount
        options = members.map { [column] in column.options[Int($0)] }
        narrowest = min((high - low) / min(100, Double(2 + members.count)), high - low)
        firsts = [Int32](repeating: -1, count: count)
        lasts = firsts
        counts = [Int32](repeating: 0, count: count)
        firstSigmas = [Double](repeating: narrowest, count: count)
        lastSigmas = firstSigmas
        var centres = [Double](repeating: 0, count: count)
        // A kernel that shares its value has at most one gap, unless all kernels have different values.
        if ties == .numPy {
            var entries = options.enumerated().map { UInt64($1) << 32 | UInt64($0) }
            introsort(&entries)
            for entry in entries {
                let (option, kernel) = (Int(entry >> 32), Int32(truncatingIfNeeded: entry & 0xFFFF_FFFF))
                if counts[option] == 0 { firsts[option] = kernel }
                lasts[option] = kernel
                counts[option] += 1
            }
        } else {
            for (kernel, option) in options.enumerated() {
                if counts[Int(option)] == 0 { firsts[Int(option)] = Int32(kernel) }
                lasts[Int(option)] = Int32(kernel)
                counts[Int(option)] += 1
            }
        }
        used = counts.indices.filter { [counts] in counts[$0] > 0 }
        for option in used { centres[option] = column.mus[Int(members[Int(firsts[option])])] }
        self.centres = centres
        for (at, option) in used.enumerated() {
            let mu = centres[option]
            let left = mu - (at == 0 ? low : centres[used[at - 1]])
            let right = (at == used.count - 1 ? high : centres[used[at + 1]]) - mu
            let isAlone = firsts[option] == lasts[option]
            // At the ends the outer gap does not count; of a single observation both do.
            let isLowest = at == 0 && members.count >= 2
            let isHighest = at == used.count - 1 && members.count >= 2
            func clipped(_ sigma: Double) -> Double { min(max(sigma, narrowest), high - low) }
            if isAlone {
                firstSigmas[option] = clipped(isLowest ? right : isHighest ? left : max(left, right))
                lastSigmas[option] = firstSigmas[option]
            } else {
                firstSigmas[option] = clipped(isLowest ? 0 : left)
                lastSigmas[option] = clipped(isHighest ? 0 : right)
            }
        }
        guard !axis.isLog else { return }
        tables = [column.stepMasses(sigma: narrowest)]
        firstTables = [Int32](repeating: 0, count: count)
        lastTables = firstTables
        var known = [Int32](repeating: 0, count: count + 1)  // by whole steps
        func table(_ sigma: Double) -> Int32 {
            if sigma == narrowest { return 0 }
            let steps = min(Int(rint(sigma / axis.step)), count)
            if known[steps] == 0 {
                known[steps] = Int32(tables.count)
                tables.append(column.stepMasses(sigma: sigma))
            }
            return known[steps]
        }
        for option in used {
            firstTables[option] = table(firstSigmas[option])
            lastTables[option] = firsts[option] == lasts[option] ? firstTables[option] : table(lastSigmas[option])
        }
    }

    /// Masses around a step; not on a log axis.
    func table(_ option: Int, _ place: Place) -> StepMasses {
        switch place {
        case .middle: tables[0]
        case .first: tables[Int(firstTables[option])]
        case .last: tables[Int(lastTables[option])]
        }
    }

    func mu(_ kernel: Int) -> Double { centres[Int(options[kernel])] }
    func mu(option: Int) -> Double { centres[option] }

    func sigma(_ kernel: Int) -> Double {
        let option = Int(options[kernel])
        if firsts[option] == kernel { return firstSigmas[option] }
        return lasts[option] == kernel ? lastSigmas[option] : narrowest
    }

    func sigma(option: Int, _ place: Place) -> Double {
        switch place {
        case .middle: narrowest
        case .first: firstSigmas[option]
        case .last: lastSigmas[option]
        }
    }

    /// Adds ln of each kernel's mass in a cell, in Optuna's order of operations; equal kernels are computed once.
    func addLogMasses(of cell: (left: Double, right: Double), _ axis: Axis, to logs: inout [Double]) {
        var inside = [Double](repeating: .nan, count: 3 * firsts.count)
        var whole = inside
        for kernel in options.indices {
            let option = Int(options[kernel])
            let place: Place = firsts[option] == kernel ? .first : lasts[option] == kernel ? .last : .middle
            let at = 3 * option + place.rawValue
            if inside[at].isNaN {
                let (mu, sigma) = (centres[option], sigma(option: option, place))
                inside[at] = logMass((cell.left - mu) / sigma, (cell.right - mu) / sigma)
                whole[at] = logMass((axis.domainLow - mu) / sigma, (axis.domainHigh - mu) / sigma)
            }
            logs[kernel] += inside[at]
            logs[kernel] -= whole[at]
        }
    }
}
