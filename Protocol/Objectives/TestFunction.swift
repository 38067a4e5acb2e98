/// One parameter of a test function, in the words of a study's space.
package struct TestParameter: Sendable, Equatable {
    package enum Kind: Sendable, Equatable { case float, int, categorical }
    package struct Condition: Sendable, Equatable {
        /// A categorical parameter, and which of its choices this parameter needs.
        package var parent: String
        package var choice: String
    }
    package var name: String
    package var kind: Kind
    /// Bounds of a number, both reached when there is no step or the step fits; 0 for choices.
    package var low = 0.0
    package var high = 0.0
    /// From low; nil for a float without steps. A whole number for an int.
    package var step: Double?
    package var isLog = false
    /// Empty for numbers.
    package var choices: [String] = []
    package var when: Condition?

    static func float(
        _ name: String, _ low: Double, _ high: Double, step: Double? = nil, log: Bool = false
    ) -> TestParameter {
        TestParameter(name: name, kind: .float, low: low, high: high, step: step, isLog: log)
    }
    static func int(_ name: String, _ low: Int, _ high: Int, step: Int = 1, log: Bool = false) -> TestParameter {
        TestParameter(
            name: name, kind: .int, low: Double(low), high: Double(high), step: Double(step), isLog: log)
    }
    static func choice(_ name: String, _ choices: [String]) -> TestParameter {
        TestParameter(name: name, kind: .categorical, choices: choices)
    }
    func when(_ parent: String, _ choice: String) -> TestParameter {
        var copy = self
        copy.when = Condition(parent: parent, choice: choice)
        return copy
    }
}

/// An objective whose optimum is known, all objectives to be minimised: for trying samplers and pruners out. A pure
/// function: equal values give equal bits.
///
/// Values travel as doubles by parameter name: a number as itself, a choice as its position.
package struct TestFunction: Sendable {
    package enum Best: Sendable, Equatable {
        /// The lowest value there is.
        case value(Double)
        /// The area between the best front and a reference point.
        case hypervolume(Double, reference: [Double])
    }
    package let name: String
    /// What makes it hard, in a line for `--help`.
    package let summary: String
    package let parameters: [TestParameter]
    package let objectives: Int
    package let best: Best
    /// Where the best value is; one of the best points when there are several.
    package let bestPoint: [String: Double]
    /// How many reports a trial makes, at steps 0 ..< steps; the last one is the result. 0 for most.
    package let steps: Int
    private let formula: @Sendable (Point) -> [Double]
    private let progress: @Sendable (Point, Int) -> Double

    init(
        _ name: String, _ summary: String, _ parameters: [TestParameter], best: Best, at bestPoint: [String: Double],
        objectives: Int = 1, formula: @escaping @Sendable (Point) -> [Double]
    ) {
        self.name = name
        self.summary = summary
        self.parameters = parameters
        self.objectives = objectives
        self.best = best
        self.bestPoint = bestPoint
        steps = 0
        self.formula = formula
        progress = { _, _ in .nan }
    }

    /// A function with a learning curve.
    init(
        _ name: String, _ summary: String, _ parameters: [TestParameter], best: Best, at bestPoint: [String: Double],
        steps: Int, progress: @escaping @Sendable (Point, Int) -> Double
    ) {
        self.name = name
        self.summary = summary
        self.parameters = parameters
        objectives = 1
        self.best = best
        self.bestPoint = bestPoint
        self.steps = steps
        formula = { [progress($0, steps - 1)] }
        self.progress = progress
    }

    /// Parameters that take part, given the values of their parents.
    package func active(_ values: [String: Double]) -> [TestParameter] {
        var names: Set<String> = []
        return parameters.filter { parameter in  // parents come before their children
            if let condition = parameter.when {
                guard names.contains(condition.parent), let value = values[condition.parent],
                    let parent = parameters.first(where: { $0.name == condition.parent }),
                    parent.choices.firstIndex(of: condition.choice).map(Double.init) == value
                else { return false }
            }
            names.insert(parameter.name)
            return true
        }
    }

    /// Names of the parameters that take part and have no value, or a choice that does not exist.
    package func missing(in values: [String: Double]) -> [String] {
        active(values).filter { parameter in
            guard let value = values[parameter.name] else { return true }
            guard parameter.kind == .categorical else { return false }
            return !parameter.choices.indices.contains { Double($0) == value }
        }.map(\.name)
    }

    /// One value an objective; NaN when a value is missing. Values outside the bounds are taken as they are.
    package func evaluate(_ values: [String: Double]) -> [Double] {
        guard missing(in: values).isEmpty else { return Array(repeating: .nan, count: objectives) }
        return formula(Point(values: values))
    }

    /// What a trial reports at a step; NaN when a value is missing or there is no such step.
    package func report(_ values: [String: Double], at step: Int) -> Double {
        guard (0..<steps).contains(step), missing(in: values).isEmpty else { return .nan }
        return progress(Point(values: values), step)
    }
}

/// Values that are known to be there.
struct Point {
    let values: [String: Double]
    subscript(name: String) -> Double { values[name] ?? .nan }
    /// x1 … xn.
    func vector(_ count: Int) -> [Double] { (1...count).map { self["x\($0)"] } }
}

package enum TestFunctions {
    package static let all = [
        branin, hartmann6, ackley10, rosenbrock5, levy8, rastrigin5, logPair, intMix, table, tree, curve, zdt1,
    ]
    package static func named(_ name: String) -> TestFunction? { all.first { $0.name == name } }
}
