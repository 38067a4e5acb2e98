import Foundation
import Market
import Objectives
import Testing

/// Golden/values.txt: the functions computed a second time; Golden/values.py says how it is written.
private struct Golden: Sendable {
    struct Line: Sendable {
        var name: String
        var step: Int?
        var values: [Double]
        var point: [String: Double]
    }
    var lines: [Line] = []
    var lowest: [String: Double] = [:]

    static let all: Golden = {
        guard let file = Bundle.module.url(forResource: "values", withExtension: "txt", subdirectory: "Golden"),
            let text = try? String(contentsOf: file, encoding: .utf8)
        else { fatalError("Golden/values.txt is not beside the tests") }
        var golden = Golden()
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "lowest" {
                golden.lowest[words[1]] = Double(words[2])!
                continue
            }
            let name = words[0].split(separator: "@")
            let colon = words.firstIndex(of: ":")!
            let point = words[(colon + 1)...].map { $0.split(separator: "=") }
            golden.lines.append(
                Line(
                    name: String(name[0]), step: name.count == 2 ? Int(name[1])! : nil,
                    values: words[1..<colon].map { Double($0)! },
                    point: Dictionary(uniqueKeysWithValues: point.map { (String($0[0]), Double($0[1])!) })))
        }
        return golden
    }()
}

private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-12 * max(1, abs(b)) }

@Test(arguments: TestFunctions.all.map(\.name))
func `a test function has the values of its second implementation`(name: String) throws {
    let function = try #require(TestFunctions.named(name))
    let lines = Golden.all.lines.filter { $0.name == name }
    try #require(lines.count >= 40)
    for line in lines {
        let values = line.step.map { [function.report(line.point, at: $0)] } ?? function.evaluate(line.point)
        try #require(values.count == line.values.count)
        for (value, wanted) in zip(values, line.values) { #expect(isClose(value, wanted), "\(line)") }
        if line.step == function.steps - 1 { #expect(function.evaluate(line.point) == values) }
    }
}

@Test(arguments: TestFunctions.all.map(\.name))
func `nothing is below a test function's best value, which it has at its best point`(name: String) throws {
    let function = try #require(TestFunctions.named(name))
    #expect(function.missing(in: function.bestPoint).isEmpty)
    let atBest = function.evaluate(function.bestPoint)
    guard case .value(let best) = function.best else {
        // The front of zdt1: f₂ = 1 − √f₁.
        #expect(atBest == [0.25, 0.5])
        return
    }
    #expect(isClose(atBest[0], best))
    if let lowest = Golden.all.lowest[name] { #expect(isClose(lowest, best)) }
    for line in Golden.all.lines where line.name == name && (line.step ?? function.steps - 1) == function.steps - 1 {
        #expect(line.values[0] >= best - 1e-12)
    }
    var generator = SplitMix64(seed: 3)
    for _ in 0..<2000 {
        // Close to the best point, where a lower one would be.
        var point = function.bestPoint
        for parameter in function.active(point) where parameter.kind == .float {
            let width = (parameter.high - parameter.low) * (parameter.isLog ? 1e-5 : 1e-3)
            point[parameter.name]! += (generator.nextUnit() - 0.5) * width
        }
        #expect(function.evaluate(point)[0] >= best - 1e-12)
    }
}

@Test(arguments: TestFunctions.all.map(\.name))
func `a test function's space holds its best point and its names`(name: String) throws {
    let function = try #require(TestFunctions.named(name))
    let names = function.parameters.map(\.name)
    #expect(Set(names).count == names.count)
    for (at, parameter) in function.parameters.enumerated() {
        if let condition = parameter.when {
            let parent = try #require(function.parameters[..<at].first { $0.name == condition.parent })
            #expect(parent.choices.contains(condition.choice))
        }
        switch parameter.kind {
        case .categorical: #expect(parameter.choices.count >= 2)
        case .float: #expect(parameter.low < parameter.high && (!parameter.isLog || parameter.low > 0))
        case .int: #expect(parameter.step == parameter.step?.rounded() && parameter.low == parameter.low.rounded())
        }
    }
    for parameter in function.active(function.bestPoint) {
        let value = try #require(function.bestPoint[parameter.name])
        if parameter.kind != .categorical { #expect(parameter.low <= value && value <= parameter.high) }
    }
}

@Test func `a parameter takes part where its parents say so, and nothing is computed without it`() throws {
    let tree = try #require(TestFunctions.named("tree"))
    #expect(tree.active(["model": 0]).map(\.name) == ["model", "penalty"])
    #expect(tree.active(["model": 2, "optimizer": 1]).map(\.name) == ["model", "layers", "width", "optimizer"])
    #expect(tree.missing(in: ["model": 2, "layers": 3, "width": 8, "optimizer": 0]) == ["momentum"])
    #expect(tree.missing(in: ["model": 3]) == ["model"])
    #expect(tree.evaluate(["model": 1, "depth": 4])[0].isNaN)
    // A value that does not take part changes nothing.
    #expect(tree.evaluate(["model": 0, "penalty": 1, "momentum": 5]) == tree.evaluate(["model": 0, "penalty": 1]))
    #expect(tree.report(["model": 0, "penalty": 1], at: 0).isNaN)
    let zdt1 = try #require(TestFunctions.named("zdt1"))
    #expect(zdt1.evaluate([:]).count == 2)
}

@Test func `early reports of the learning curve mislead`() throws {
    let curve = try #require(TestFunctions.named("curve"))
    let hasty = ["lr": 0.1, "width": 128, "dropout": 0.3]
    #expect(curve.report(hasty, at: 3) < curve.report(curve.bestPoint, at: 3))
    #expect(curve.report(hasty, at: 26) > curve.report(curve.bestPoint, at: 26))
    #expect(curve.report(hasty, at: 27).isNaN)
}
