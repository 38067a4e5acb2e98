import Glibc

// Several objectives, less is better: which points dominate which, and which few of them cover the most.

/// Whether `a` is at least as good everywhere and better somewhere.
func dominates(_ a: [Double], _ b: [Double]) -> Bool {
    var isBetter = false
    for (x, y) in zip(a, b) {
        if x > y { return false }
        if x < y { isBetter = true }
    }
    return isBetter
}

/// Per point its front: 0 for those that nothing dominates, 1 for those that only these dominate, and so on. Equal points
/// share a front. Once `enough` points have one, all others get the next number.
func fronts(_ points: [[Double]], enough: Int = .max) -> [Int] {
    let sorted = points.indices.sorted { ranksBefore(points[$0], points[$1]) }
    // Equal points stand together: judge one of them.
    var groups: [[Int]] = []
    for at in sorted {
        if let last = groups.last, points[last[0]] == points[at] {
            groups[groups.count - 1].append(at)
        } else {
            groups.append([at])
        }
    }
    var ranks = [Int](repeating: 0, count: points.count)
    var rest = Array(groups.indices)
    var (rank, done) = (0, 0)
    let wanted = min(enough, groups.count)
    while done < wanted && !rest.isEmpty {
        // In this order nothing is dominated by what comes after it.
        var front: [Int] = []
        var left: [Int] = []
        var lowest = Double.infinity
        for group in rest {
            let point = points[groups[group][0]]
            let isDominated: Bool
            if point.count == 2 {
                isDominated = lowest <= point[1]
                lowest = min(lowest, point[1])
            } else {
                isDominated = front.contains { dominates(points[groups[$0][0]], point) }
            }
            if isDominated { left.append(group) } else { front.append(group) }
        }
        for group in front { for at in groups[group] { ranks[at] = rank } }
        done += front.count
        rest = left
        rank += 1
    }
    for group in rest { for at in groups[group] { ranks[at] = rank } }
    return ranks
}

private func ranksBefore(_ a: [Double], _ b: [Double]) -> Bool {
    for (x, y) in zip(a, b) where x != y { return x < y }
    return false
}

/// The `count` best points: whole fronts first, and of the front that does not fit the ones that together dominate the
/// most volume, chosen one by one as Optuna 5.0 does. Positions, in no order.
func bestSubset(of points: [[Double]], count: Int) -> [Int] {
    if count >= points.count { return Array(points.indices) }
    if count <= 0 { return [] }
    let ranks = fronts(points, enough: count)
    var sizes: [Int] = []
    for rank in ranks {
        while sizes.count <= rank { sizes.append(0) }
        sizes[rank] += 1
    }
    var (whole, taken) = (0, 0)
    while whole < sizes.count && taken + sizes[whole] <= count {
        taken += sizes[whole]
        whole += 1
    }
    var chosen = points.indices.filter { ranks[$0] < whole }
    guard taken < count else { return chosen }
    let tied = points.indices.filter { ranks[$0] == whole }
    chosen += widest(tied, points, count: count - taken)
    return chosen
}

/// Greedy hypervolume subset selection. Source: Guerreiro, Fonseca and Paquete (2016), *Greedy Hypervolume Subset
/// Selection in Low Dimensions*.
private func widest(_ tied: [Int], _ points: [[Double]], count: Int) -> [Int] {
    if count == tied.count { return tied }
    let objectives = points[0].count
    let reference = (0..<objectives).map { axis -> Double in
        let worst = tied.map { points[$0][axis] }.max() ?? 0
        let corner = max(1.1 * worst, 0.9 * worst)
        return corner == 0 ? 1e-12 : corner
    }
    // One of each set of equal points; the others come last, oldest first.
    var unique: [Int] = []
    for at in tied.sorted(by: { ranksBefore(points[$0], points[$1]) || (points[$0] == points[$1] && $0 < $1) })
    where unique.last.map({ points[$0] != points[at] }) ?? true {
        unique.append(at)
    }
    if unique.count < count {
        let repeats = tied.filter { at in !unique.contains(at) }
        return unique + repeats.prefix(count - unique.count)
    }
    // Optuna takes the first in the sorted order of unique points, as positions among the tied ones.
    if !reference.allSatisfy(\.isFinite) || unique.count == count { return Array(unique.prefix(count)) }
    return objectives == 2
        ? widestOfTwo(unique, points, count, reference) : widestOfMany(unique, points, count, reference)
}

private func widestOfTwo(_ unique: [Int], _ points: [[Double]], _ count: Int, _ reference: [Double]) -> [Int] {
    var left = unique
    var corners = left.map { _ in (reference[0], reference[1]) }
    var chosen: [Int] = []
    for _ in 0..<count {
        var (best, most) = (0, -Double.infinity)
        for at in left.indices {
            let share = (corners[at].0 - points[left[at]][0]) * (corners[at].1 - points[left[at]][1])
            if share > most { (best, most) = (at, share) }
        }
        let point = points[left[best]]
        chosen.append(left[best])
        left.remove(at: best)
        corners.remove(at: best)
        for at in 0..<best { corners[at].0 = min(point[0], corners[at].0) }
        for at in best..<left.count { corners[at].1 = min(point[1], corners[at].1) }
    }
    return chosen
}

/// Shares only shrink as more is chosen, so a point whose old share is below the best new one need not be looked at.
private func widestOfMany(_ unique: [Int], _ points: [[Double]], _ count: Int, _ reference: [Double]) -> [Int] {
    var left = unique
    var shares = left.map { volume([points[$0]], to: reference) }
    var chosen: [Int] = []
    var covered = 0.0
    while true {
        var (best, most) = (0, -Double.infinity)
        for at in left.indices where shares[at] > most { (best, most) = (at, shares[at]) }
        covered += most
        chosen.append(left[best])
        left.remove(at: best)
        shares.remove(at: best)
        if chosen.count == count { return chosen }
        let taken = chosen.map { points[$0] }
        var largest = 0.0
        for at in left.indices.sorted(by: { (-shares[$0], $0) < (-shares[$1], $1) }) where shares[at] >= largest {
            shares[at] = volume(taken + [points[left[at]]], to: reference) - covered
            largest = max(largest, shares[at])
        }
    }
}

/// The volume dominated by points, up to a reference that is worse than all of them. Source: While, Bradstreet and
/// Barone (2012), *A Fast Way of Calculating Exact Hypervolumes*.
func volume(_ points: [[Double]], to reference: [Double]) -> Double {
    let sorted = points.sorted { ranksBefore($0, $1) }
    var total = 0.0
    for (at, point) in sorted.enumerated() {
        var box = 1.0
        for (corner, x) in zip(reference, point) { box *= corner - x }
        // What the later ones dominate of this one's box.
        var limited: [[Double]] = []
        for other in sorted[(at + 1)...] {
            let corner = zip(point, other).map { max($0, $1) }
            if limited.contains(where: { $0 == corner || dominates($0, corner) }) { continue }
            limited.removeAll { dominates(corner, $0) }
            limited.append(corner)
        }
        total += limited.isEmpty ? box : box - volume(limited, to: reference)
    }
    return total
}
