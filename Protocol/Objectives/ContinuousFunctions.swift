import Glibc

/// Where shifted functions have their optimum: away from the middle of the box, where samplers like to begin.
private let shift = [-11.5, 7.25, 3.5, -6.75, 14, -2.5, 9.75, -13.25, 5, 1.25]

private func floats(_ count: Int, _ low: Double, _ high: Double) -> [TestParameter] {
    (1...count).map { .float("x\($0)", low, high) }
}
private func point(_ values: [Double]) -> [String: Double] {
    Dictionary(uniqueKeysWithValues: values.enumerated().map { ("x\($0 + 1)", $1) })
}

extension TestFunctions {
    /// Source: Dixon and Szegő (1978).
    static let branin = TestFunction(
        "branin", "2 floats, three equal valleys", [.float("x1", -5, 10), .float("x2", 0, 15)],
        best: .value(10 / (8 * Double.pi)), at: point([Double.pi, 2.275])
    ) {
        let (x, y) = ($0["x1"], $0["x2"])
        let bend = y - 5.1 / (4 * Double.pi * Double.pi) * x * x + 5 / Double.pi * x - 6
        return [bend * bend + 10 * (1 - 1 / (8 * Double.pi)) * cos(x) + 10]
    }

    /// Source: Dixon and Szegő (1978).
    static let hartmann6 = TestFunction(
        "hartmann6", "6 floats, six valleys of different depth", floats(6, 0, 1), best: .value(-3.322368011415515),
        at: point([
            0.20168951265373836, 0.15001069182537303, 0.4768739739250988, 0.27533243052642853, 0.3116516166179018,
            0.6573005340921445,
        ])
    ) {
        let weights = [1, 1.2, 3, 3.2]
        let slopes: [[Double]] = [
            [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
        ]
        let centers: [[Double]] = [
            [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
            [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
        ]
        let x = $0.vector(6)
        var sum = 0.0
        for valley in 0..<4 {
            var distance = 0.0
            for at in 0..<6 {
                let gap = x[at] - centers[valley][at]
                distance += slopes[valley][at] * gap * gap
            }
            sum += weights[valley] * exp(-distance)
        }
        return [-sum]
    }

    /// Source: Ackley (1987), shifted.
    static let ackley10 = TestFunction(
        "ackley10", "10 floats, a funnel under many dents, shifted", floats(10, -32.768, 32.768), best: .value(0),
        at: point(shift)
    ) {
        let z = zip($0.vector(10), shift).map { $0 - $1 }
        let squares = z.reduce(0) { $0 + $1 * $1 } / 10
        let waves = z.reduce(0) { $0 + cos(2 * Double.pi * $1) } / 10
        return [-20 * exp(-0.2 * sqrt(squares)) - exp(waves) + 20 + exp(1)]
    }

    /// Source: Rosenbrock (1960).
    static let rosenbrock5 = TestFunction(
        "rosenbrock5", "5 floats, a curved valley", floats(5, -5, 10), best: .value(0), at: point([1, 1, 1, 1, 1])
    ) {
        let x = $0.vector(5)
        return [
            zip(x, x.dropFirst()).reduce(0) { sum, pair in
                let (bend, rest) = (pair.1 - pair.0 * pair.0, 1 - pair.0)
                return sum + 100 * bend * bend + rest * rest
            }
        ]
    }

    /// Source: Laguna and Martí (2005), shifted by half of `shift`.
    static let levy8 = TestFunction(
        "levy8", "8 floats, waves over a bowl, shifted", floats(8, -10, 10), best: .value(0),
        at: point(shift.prefix(8).map { 1 + $0 / 2 })
    ) {
        let w = zip($0.vector(8), shift).map { 1 + ($0 - $1 / 2 - 1) / 4 }
        func squared(_ x: Double) -> Double { x * x }
        var sum = squared(sin(Double.pi * w[0]))
        for each in w.dropLast() {
            sum += squared(each - 1) * (1 + 10 * squared(sin(Double.pi * each + 1)))
        }
        sum += squared(w[7] - 1) * (1 + squared(sin(2 * Double.pi * w[7])))
        return [sum]
    }

    /// Source: Rastrigin (1974), shifted by a fifth of `shift` and turned by 3-4-5 angles in five planes, so that no
    /// parameter can be tuned by itself.
    static let rastrigin5 = TestFunction(
        "rastrigin5", "5 floats, a lattice of valleys, shifted and turned", floats(5, -5.12, 5.12), best: .value(0),
        at: point(shift.prefix(5).map { $0 / 5 })
    ) {
        var z = zip($0.vector(5), shift).map { $0 - $1 / 5 }
        for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)] {
            (z[a], z[b]) = (0.6 * z[a] - 0.8 * z[b], 0.8 * z[a] + 0.6 * z[b])
        }
        return [z.reduce(50) { $0 + $1 * $1 - 10 * cos(2 * Double.pi * $1) }]
    }

    /// Source: Zitzler, Deb and Thiele (2000). The best front is f₂ = 1 − √f₁.
    static let zdt1 = TestFunction(
        "zdt1", "30 floats, two objectives with a convex front", floats(30, 0, 1),
        best: .hypervolume(1.1 * 1.1 - 1.0 / 3, reference: [1.1, 1.1]),
        at: point([0.25] + Array(repeating: 0, count: 29)), objectives: 2
    ) {
        let x = $0.vector(30)
        let g = 1 + 9 * x.dropFirst().reduce(0, +) / 29
        return [x[0], g * (1 - sqrt(x[0] / g))]
    }
}
