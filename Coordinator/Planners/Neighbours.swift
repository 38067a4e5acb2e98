/// Finds the nearest point of a grid that is wanted, in an order that is always the same: by the number of single steps
/// away, and among equally near ones by the parameter that was stepped first, down before up. A step moves a number by
/// one option and a choice to any other.
struct Neighbours {
    /// Options of each parameter, and whether it is a choice.
    let axes: [(options: Int, isChoice: Bool)]
    /// The form of a point in which parameters that do not count stand at 0: points of one form are one point.
    let canonical: ([UInt8]) -> [UInt8]

    /// - Returns: nil when the whole grid holds no wanted point.
    func nearest(to start: [UInt8], where isWanted: ([UInt8]) -> Bool) -> [UInt8]? {
        var queue = [canonical(start)]
        // Only asked whether it holds a point: its order decides nothing.
        var reached: Set<[UInt8]> = [queue[0]]
        var next = 0
        while next < queue.count {
            let point = queue[next]
            next += 1
            for neighbour in steps(from: point).map(canonical) where reached.insert(neighbour).inserted {
                if isWanted(neighbour) { return neighbour }
                queue.append(neighbour)
            }
        }
        return nil
    }

    private func steps(from point: [UInt8]) -> [[UInt8]] {
        axes.enumerated().flatMap { at, axis in
            let here = Int(point[at])
            let options = axis.isChoice ? (0..<axis.options).filter { $0 != here } : [here - 1, here + 1]
            return options.filter { (0..<axis.options).contains($0) }.map { option in
                var neighbour = point
                neighbour[at] = UInt8(option)
                return neighbour
            }
        }
    }
}
