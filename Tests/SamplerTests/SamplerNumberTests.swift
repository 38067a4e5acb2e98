import Foundation
import Testing

@testable import Samplers

/// Golden/sampler_numbers.txt: what SciPy, cmaes and mpmath say. Golden/sampler_numbers.py writes it.
private let golden: [String: [Double]] = {
    guard let file = Bundle.module.url(forResource: "sampler_numbers", withExtension: "txt", subdirectory: "Golden"),
        let text = try? String(contentsOf: file, encoding: .utf8)
    else { fatalError("Golden/sampler_numbers.txt is not beside the tests") }
    var rows: [String: [Double]] = [:]
    for line in text.split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        // A name is the first word and the whole numbers of its kind after it.
        let arguments = ["cma": 2, "sigma": 2, "covariance": 2][words[0]] ?? 1
        rows[words[0...arguments].joined(separator: " ")] = words[(arguments + 1)...].map { Double($0)! }
    }
    return rows
}()

private func expect(_ found: [Double], _ name: String, within error: Double) throws {
    let wanted = try #require(golden[name])
    #expect(found.count == wanted.count)
    for (a, b) in zip(found, wanted) { #expect(abs(a - b) <= error * max(1, abs(b)), "\(name): \(a), not \(b)") }
}

@Test func `the plain Sobol sequence is SciPy's`() throws {
    let sobol = Sobol(dimensions: 256)
    for index: UInt32 in [1, 2, 3, 7, 31, 63] {
        let point = sobol.point(index)
        let spots = [0, 1, 2, 3, 9, 40, 99, 180, 255].map { Double(point[$0]) / 4_294_967_296 }
        try expect(spots, "sobol \(index)", within: 0)
    }
}

@Test(arguments: [2, 5])
func `CMA-ES learns as the cmaes library does`(dimensions: Int) throws {
    // Both sizes in one stream of draws, as the script makes them.
    var state: UInt64 = 1
    func draw() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / 9_007_199_254_740_992
    }
    for n in [2, 5] {
        var model = CovarianceModel(dimensions: n)
        for generation in 0..<12 {
            let told = (0..<model.population).map { _ -> (y: [Double], loss: Double) in
                let x = (0..<n).map { _ in 0.5 + 0.3 * (draw() + draw() - 1) }
                let loss = x.enumerated().reduce(0) { $0 + pow(10, Double($1.0)) * ($1.1 - 0.4) * ($1.1 - 0.4) }
                return (x.indices.map { (x[$0] - model.mean[$0]) / model.sigma }, loss)
            }
            model.update(told.sorted { $0.loss < $1.loss }.map(\.y))
            guard generation % 4 == 3, n == dimensions else { continue }
            try expect(model.mean, "cma \(n) \(generation)", within: 1e-9)
            try expect([model.sigma], "sigma \(n) \(generation)", within: 1e-9)
            try expect(model.covariance.values, "covariance \(n) \(generation)", within: 1e-8)
        }
    }
}

@Test func `the logarithm of the expected improvement holds far out`() throws {
    for z in ["3", "1", "0", "-0.5", "-1", "-1.5", "-5", "-7.9", "-8.1", "-20", "-35"] {
        let found = logImprovement(0, -(Double(z) ?? .nan), 1)
        try expect([found], "improvement \(z)", within: 1e-8)
    }
}

@Test func `fast erfc and exp are within their errors`() throws {
    for x in ["0", "0.1", "0.5", "1", "2", "5", "10", "25"] {
        let wanted = try #require(golden["erfc \(x)"]?.first)
        let found = fastErfc(all(Double(x) ?? .nan))[3]
        #expect(abs(found / wanted - 1) < 2e-13, "erfc \(x): \(found)")
    }
    for at in 0..<2000 {
        let x = -690 + Double(at) * 0.643
        #expect(abs(fastExp(all(x))[5] / exp(x) - 1) < 6e-16, "exp \(x)")
    }
}

@Test(arguments: [2, 3, 4])
func `the volume of a front is that of inclusion and exclusion`(objectives: Int) throws {
    let flat = try #require(golden["volume-points \(objectives)"])
    let points = stride(from: 0, to: flat.count, by: objectives).map { Array(flat[$0..<$0 + objectives]) }
    try expect([volume(points, to: [Double](repeating: 1, count: objectives))], "volume \(objectives)", within: 1e-13)
}

@Test func `a Gaussian process goes through its points and knows where it knows nothing`() throws {
    let points = (0..<12).map { [Double($0) / 11, Double($0 * 5 % 12) / 11] }
    let y = points.map { 3 * $0[0] - 2 * $0[1] * $0[1] }
    let process = try #require(GaussianProcess(points: points, y: y, isChoice: [false, false]))
    for (found, wanted) in zip(process.predict(points), y) {
        #expect(abs(found.mean - wanted) < 0.05 && found.variance < 0.01)
    }
    let far = process.predict([[0.02, 0.98]])[0]
    #expect(far.variance > process.predict(points).map(\.variance).max() ?? 0)
    var believing = process
    believing.believe([[0.02, 0.98]])
    let after = believing.predict([[0.02, 0.98]])[0]
    #expect(abs(after.mean - far.mean) < 1e-6 && after.variance < far.variance)
}
