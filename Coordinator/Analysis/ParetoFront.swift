import Samplers

/// Objectives turned so that lower is better.
func losses(_ values: [Double], _ directions: [Direction]) -> [Double] {
    zip(values, directions).map { $1 == .minimize ? $0 : -$0 }
}

/// Whether a is nowhere worse than b and somewhere better.
func dominates(_ a: [Double], _ b: [Double]) -> Bool {
    var isBetter = false
    for (x, y) in zip(a, b) {
        if x > y { return false }
        if x < y { isBetter = true }
    }
    return isBetter
}

/// Positions of the points that no other dominates, ascending; of equal points all.
///
/// - Parameter losses: lower is better, all of one length, no NaN.
package func paretoFront(_ losses: [[Double]]) -> [Int] {
    // In lexical order only an earlier point can dominate, and one of the front does when any does.
    let order = losses.indices.sorted { losses[$0].lexicographicallyPrecedes(losses[$1]) }
    var front: [Int] = []
    for at in order where !front.contains(where: { dominates(losses[$0], losses[at]) }) { front.append(at) }
    return front.sorted()
}

/// The best `count` of some points: whole fronts first, then from the front that does not fit those that add most
/// hypervolume, one after the other. Source: Guerreiro, Fonseca and Paquete (2016), *Greedy Hypervolume Subset
/// Selection in Low Dimensions*, with Optuna 5.0's reference point.
///
/// - Parameter losses: lower is better, finite.
/// - Returns: whether a point is among them.
func bestByFronts(_ losses: [[Double]], count: Int) -> [Bool] {
    var isBest = [Bool](repeating: false, count: losses.count)
    var left = Array(losses.indices)
    var missing = count
    while missing > 0 && !left.isEmpty {
        let front = paretoFront(left.map { losses[$0] }).map { left[$0] }
        let chosen = front.count <= missing ? front : mostVolume(front, of: losses, count: missing)
        for at in chosen { isBest[at] = true }
        missing -= chosen.count
        let isInFront = Set(front)
        left.removeAll { isInFront.contains($0) }
    }
    return isBest
}

/// Points of a front that one by one add the most hypervolume; equal points after all different ones.
private func mostVolume(_ front: [Int], of losses: [[Double]], count: Int) -> [Int] {
    let sorted = front.sorted {
        losses[$0] == losses[$1] ? $0 < $1 : losses[$0].lexicographicallyPrecedes(losses[$1])
    }
    let isRepeat = sorted.indices.map { $0 > 0 && losses[sorted[$0]] == losses[sorted[$0 - 1]] }
    let unique = sorted.indices.filter { !isRepeat[$0] }.map { sorted[$0] }
    if unique.count < count {
        let repeats = sorted.indices.filter { isRepeat[$0] }.map { sorted[$0] }.sorted()
        return unique + repeats.prefix(count - unique.count)
    }
    let worst = losses[front[0]].indices.map { axis in front.map { losses[$0][axis] }.max() ?? 0 }
    let reference = worst.map { $0 == 0 ? 1e-12 : max(1.1 * $0, 0.9 * $0) }
    // What a point adds only shrinks as others are chosen: an old figure is an upper bound.
    var gains = unique.map { inclusiveVolume(losses[$0], reference) }
    var chosen: [Int] = []
    var isChosen = [Bool](repeating: false, count: unique.count)
    while chosen.count < count {
        var (best, bestGain) = (-1, -Double.infinity)
        let order = unique.indices.filter { !isChosen[$0] }.sorted { (gains[$1], $0) < (gains[$0], $1) }
        for candidate in order where gains[candidate] >= bestGain {
            let point = losses[unique[candidate]]
            let overlaps = chosen.map { zip(losses[$0], point).map { max($0, $1) } }
            gains[candidate] = inclusiveVolume(point, reference) - hypervolume(overlaps, reference: reference)
            if gains[candidate] > bestGain || (gains[candidate] == bestGain && candidate < best) {
                (best, bestGain) = (candidate, gains[candidate])
            }
        }
        // Volumes beyond what a double holds tell nothing: then the first, in order.
        if best < 0 { best = order[0] }
        isChosen[best] = true
        chosen.append(unique[best])
    }
    return chosen
}

private func inclusiveVolume(_ point: [Double], _ reference: [Double]) -> Double {
    zip(reference, point).reduce(1) { $0 * max($1.0 - $1.1, 0) }
}

/// The volume of what some points dominate, up to a reference point.
/// Source: While, Bradstreet and Barone (2012), *A Fast Way of Calculating Exact Hypervolumes*.
///
/// - Parameter points: lower is better; beyond the reference they count nothing.
package func hypervolume(_ points: [[Double]], reference: [Double]) -> Double {
    let front = distinctFront(points.map { zip($0, reference).map { min($0, $1) } })
    if reference.count == 2 {
        var (volume, top) = (0.0, reference[1])
        for point in front {
            volume += (reference[0] - point[0]) * (top - point[1])
            top = point[1]
        }
        return volume
    }
    return front.indices.reduce(0) { volume, at in
        let overlaps = front[(at + 1)...].map { zip($0, front[at]).map { max($0, $1) } }
        let inclusive = inclusiveVolume(front[at], reference)
        return volume + inclusive - (overlaps.isEmpty ? 0 : hypervolume(overlaps, reference: reference))
    }
}

/// The points that no other dominates, each once, in lexical order.
private func distinctFront(_ points: [[Double]]) -> [[Double]] {
    var front: [[Double]] = []
    for point in points.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        // Only a point before it can dominate it, or equal it.
        if !front.contains(where: { zip($0, point).allSatisfy { $0 <= $1 } }) { front.append(point) }
    }
    return front
}
