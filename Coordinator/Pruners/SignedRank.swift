import Glibc

/// The probability, were the differences symmetric about 0, of a sum of positive ranks at least as large as theirs;
/// zeros count half to either side. Exact up to 50 differences without ties or zeros and up to 13 with them, normal with
/// correction for ties beyond: SciPy's automatic choice. Source: Wilcoxon (1945); Pratt and Gibbons (1981), §3.7.
///
/// - Parameter differences: not empty, finite.
func signedRankProbability(_ differences: [Double]) -> Double {
    let count = differences.count
    let (ranks, tieCorrection, hasTies) = doubledRanks(differences.map(abs))
    // Twice the sum of positive ranks; half a rank of every zero makes it four times.
    var sum = 0
    for (difference, rank) in zip(differences, ranks) {
        if difference > 0 { sum += 2 * rank } else if difference == 0 { sum += rank }
    }
    let hasZeros = differences.contains(0)
    if count <= (hasTies || hasZeros ? 13 : 50) {
        let free = zip(differences, ranks).filter { $0.0 != 0 }.map(\.1)
        let fixed = zip(differences, ranks).reduce(0) { $1.0 == 0 ? $0 + $1.1 : $0 }
        return shareOfSums(of: free, atLeast: (sum - fixed) / 2)
    }
    let n = Double(count)
    let deviation = sqrt((n * (n + 1) * (2 * n + 1) - tieCorrection / 2) / 24)
    let z = (Double(sum) / 4 - n * (n + 1) / 4) / deviation
    return 0.5 * erfc(z / sqrt(2))
}

/// Twice the rank of every value, equal values sharing their mean rank, and Σ t³ − t over groups of t equals.
private func doubledRanks(_ values: [Double]) -> (ranks: [Int], tieCorrection: Double, hasTies: Bool) {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var ranks = [Int](repeating: 0, count: values.count)
    var (correction, hasTies) = (0.0, false)
    var start = 0
    while start < order.count {
        var end = start + 1
        while end < order.count && values[order[end]] == values[order[start]] { end += 1 }
        for place in start..<end { ranks[order[place]] = start + 1 + end }
        let t = Double(end - start)
        correction += t * t * t - t
        hasTies = hasTies || end - start > 1
        start = end
    }
    return (ranks, correction, hasTies)
}

/// Of the 2ⁿ subsets of `parts`, the share whose sum is at least `bound`. Exact: multiples of 2⁻ⁿ with n ≤ 50.
private func shareOfSums(of parts: [Int], atLeast bound: Int) -> Double {
    var shares = [1.0]
    for part in parts {
        var next = shares.map { $0 / 2 } + [Double](repeating: 0, count: part)
        for (sum, share) in shares.enumerated() { next[sum + part] += share / 2 }
        shares = next
    }
    return bound >= shares.count ? 0 : shares[max(bound, 0)...].reduce(0, +)
}
