import Samplers
import Testing

private func complaint(_ parameters: [Parameter]) -> String {
    do {
        _ = try Space(parameters)
        return ""
    } catch { return "\(error)" }
}
private let x = Parameter("x", .int(low: 0, high: 9))

@Test(
    arguments: [
        ([], "no parameter"),
        ([Parameter("a", .float(low: 1, high: 0))], "a: low is 1.0 and high 0.0; give low ≤ high."),
        ([Parameter("a", .float(low: .nan, high: 0))], "a: low is nan"),
        ([Parameter("a", .float(low: 0, high: .infinity))], "a: low is 0.0 and high inf"),
        ([Parameter("a", .float(low: -1.7e308, high: 1.7e308))], "wider than a double"),
        ([Parameter("a", .float(low: 0, high: 1, log: true))], "a: log with low 0.0; give low > 0"),
        ([Parameter("a", .float(low: 0, high: 1, step: 0))], "a: step is 0.0; give a number above 0."),
        ([Parameter("a", .float(low: 0, high: 1, step: -0.1))], "a: step is -0.1"),
        ([Parameter("a", .float(low: 1, high: 2, step: 0.1, log: true))], "log with a step"),
        ([Parameter("a", .int(low: 5, high: 4))], "a: low is 5 and high 4"),
        ([Parameter("a", .int(low: 0, high: 4, log: true))], "give low ≥ 1"),
        ([Parameter("a", .int(low: 1, high: 4, step: 0))], "a: step is 0; give at least 1."),
        ([Parameter("a", .int(low: .min, high: .max))], "beyond ±2^53"),
        ([Parameter("a", .categorical(choices: 0))], "a: it has no choices"),
        ([Parameter("", .categorical(choices: 2))], "parameter 1 has no name"),
        ([x, x], "x: the name is given twice"),
        ([x, Parameter("a", .int(low: 0, high: 1), when: Condition(parent: 7, values: [1]))], "does not exist"),
        (
            [Parameter("a", .int(low: 0, high: 1), when: Condition(parent: 1, values: [1])), x],
            "does not come before it"
        ),
        ([Parameter("a", .int(low: 0, high: 1), when: Condition(parent: 0, values: [1]))], "does not come before it"),
        ([x, Parameter("a", .int(low: 0, high: 1), when: Condition(parent: 0, values: []))], "names no value"),
        (
            [x, Parameter("a", .int(low: 0, high: 1), when: Condition(parent: 0, values: [10]))],
            "x = 10.0, which x cannot"
        ),
        ([x, Parameter("a", .int(low: 0, high: 1), when: Condition(parent: 0, values: [.nan]))], "which x cannot be"),
        (
            [
                Parameter("f", .float(low: 0, high: 1)),
                Parameter("a", x.distribution, when: Condition(parent: 0, values: [1])),
            ],
            "a float without steps"
        ),
        ((0...1000).map { Parameter("p\($0)", .categorical(choices: 2)) }, "1001 parameters; give at most 1000."),
    ] as [([Parameter], String)])
func `a space that makes no sense is refused in words`(parameters: [Parameter], words: String) {
    #expect(complaint(parameters).contains(words), "\(complaint(parameters))")
}

@Test func `a sampler says what it cannot search`() throws {
    let floats = try Space([Parameter("x", .float(low: 0, high: 1))])
    let choices = try Space([Parameter("c", .categorical(choices: 3))])
    let huge = try Space((0..<9).map { Parameter("n\($0)", .int(low: 0, high: 99999)) })
    func complaint(_ kind: SamplerKind, _ space: Space, _ directions: [Direction] = [.minimize]) -> String {
        do {
            _ = try makeSampler(kind, space: space, seed: 1, directions: directions)
            return ""
        } catch { return "\(error)" }
    }
    #expect(complaint(.grid, floats).contains("x: a grid needs steps"))
    #expect(complaint(.grid, huge).contains("use the sampler qmc"))
    #expect(complaint(.cmaes, choices).contains("at least one number"))
    #expect(complaint(.gp, floats, [.minimize, .minimize]).contains("use tpe or nsga2"))
    #expect(complaint(.tpe, floats, []).contains("no direction"))
    #expect(throws: SpaceError.self) { try SamplerKind(named: "bayes") }
    #expect(try SamplerKind(named: "tpe-univariate") == .tpeUnivariate)
}

@Test func `values are judged by ranges and conditions`() throws {
    let space = try Space([
        Parameter("opt", .categorical(choices: 3)),
        Parameter("momentum", .float(low: 0, high: 1), when: Condition(parent: 0, values: [1])),
    ])
    #expect(space.problem(with: [1, 0.5]) == nil)
    #expect(space.problem(with: [0, nil]) == nil)
    #expect(space.problem(with: [1, nil]) == "momentum has no value.")
    #expect(space.problem(with: [0, 0.5])?.contains("condition is not met") == true)
    #expect(space.problem(with: [3, nil])?.contains("not in its range") == true)
    #expect(space.problem(with: [nil, 0.5], isPartial: true) == nil)
    #expect(space.problem(with: [0.5], isPartial: true) == "1 values for 2 parameters.")
}
