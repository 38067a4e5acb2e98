/// When a parameter exists: an earlier one has one of some values.
package struct Condition: Equatable, Sendable {
    /// Position of the parent in the space; below the child's own.
    package var parent: Int
    /// Values of the parent that make the child active; a categorical's by position.
    package var values: [Double]
    package init(parent: Int, values: [Double]) {
        self.parent = parent
        self.values = values
    }
}

/// One parameter of a search space: a name, what it may be, and when a trial has it.
package struct Parameter: Equatable, Sendable {
    package var name: String
    package var distribution: Distribution
    /// Nil: every trial has it.
    package var when: Condition?
    package init(_ name: String, _ distribution: Distribution, when: Condition? = nil) {
        self.name = name
        self.distribution = distribution
        self.when = when
    }
}

/// What is wrong with a space or a choice of sampler, for the user: where, what, and what to do.
package struct SpaceError: Error, Equatable, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}

/// Parameters that were checked: parents come before children, every range holds something.
package struct Space: Equatable, Sendable {
    package static let parameterLimit = 1000

    package let parameters: [Parameter]
    let axes: [Axis]

    package init(_ parameters: [Parameter]) throws(SpaceError) {
        guard !parameters.isEmpty else { throw SpaceError("the space has no parameter; give at least one.") }
        guard parameters.count <= Self.parameterLimit else {
            throw SpaceError("the space has \(parameters.count) parameters; give at most \(Self.parameterLimit).")
        }
        var axes: [Axis] = []
        var seen: Set<String> = []  // only asked for membership
        for (at, parameter) in parameters.enumerated() {
            guard !parameter.name.isEmpty else { throw SpaceError("parameter \(at + 1) has no name; give it one.") }
            guard seen.insert(parameter.name).inserted else {
                throw SpaceError("\(parameter.name): the name is given twice; rename one of the two.")
            }
            if let problem = parameter.distribution.problem { throw SpaceError("\(parameter.name): \(problem)") }
            axes.append(Axis(parameter.distribution))
            guard let when = parameter.when else { continue }
            try Self.check(when, of: at, parameters, axes)
        }
        self.parameters = parameters
        self.axes = axes
    }

    private static func check(_ when: Condition, of at: Int, _ parameters: [Parameter], _ axes: [Axis])
        throws(SpaceError)
    {
        let name = parameters[at].name
        guard parameters.indices.contains(when.parent) else {
            throw SpaceError("\(name): its condition is on a parameter that does not exist; name one above it.")
        }
        let parent = parameters[when.parent].name
        guard when.parent < at else {
            throw SpaceError("\(name): its condition is on \(parent), which does not come before it; move it below.")
        }
        guard !when.values.isEmpty else {
            throw SpaceError("\(name): its condition on \(parent) names no value; give at least one.")
        }
        guard axes[when.parent].isDiscrete else {
            throw SpaceError(
                "\(name): its condition is on \(parent), a float without steps, which hardly ever equals a value; give "
                    + "\(parent) a step, or make it an int or a categorical.")
        }
        for value in when.values where !axes[when.parent].contains(value) {
            throw SpaceError("\(name): its condition says \(parent) = \(value), which \(parent) cannot be; mend one.")
        }
    }

    package var count: Int { parameters.count }
    var hasConditions: Bool { parameters.contains { $0.when != nil } }

    /// Whether a trial has parameter `at`, judged by the values of those before it. The child of an inactive parent is
    /// inactive.
    package func isActive(_ at: Int, given values: [Double?]) -> Bool {
        guard let when = parameters[at].when else { return true }
        guard let parent = values[when.parent] else { return false }
        return when.values.contains(parent)
    }

    /// What keeps values from being a whole point of the space: nil when they are one. For enqueued trials give
    /// `isPartial`: nil then means that the sampler chooses.
    package func problem(with values: [Double?], isPartial: Bool = false) -> String? {
        guard values.count == count else { return "\(values.count) values for \(count) parameters." }
        for (at, value) in values.enumerated() {
            let name = parameters[at].name
            if let value {
                guard axes[at].contains(value) else { return "\(name) = \(value) is not in its range." }
                let parent = parameters[at].when.map { values[$0.parent] } ?? nil
                if isPartial && parent == nil { continue }
                guard isActive(at, given: values) else { return "\(name) is given but its condition is not met." }
            } else if !isPartial && isActive(at, given: values) {
                return "\(name) has no value."
            }
        }
        return nil
    }
}

extension Distribution {
    /// Values of the largest integers that doubles tell apart.
    private static let largest = 1 << 53

    /// What is wrong with it and what to do; nil when nothing is.
    package var problem: String? {
        switch self {
        case .categorical(let choices):
            return choices > 0 ? nil : "it has no choices; give at least one."
        case .int(let low, let high, let step, let log):
            if low > high { return "low is \(low) and high \(high); give low ≤ high." }
            if low < -Self.largest || high > Self.largest { return "its bounds are beyond ±2^53; use a float." }
            if step < 1 { return "step is \(step); give at least 1." }
            if log && low < 1 { return "log with low \(low); give low ≥ 1, or leave log out." }
            if log && step != 1 { return "log with step \(step); leave one of the two out." }
        case .float(let low, let high, let step, let log):
            if !low.isFinite || !high.isFinite { return "low is \(low) and high \(high); give numbers." }
            if low > high { return "low is \(low) and high \(high); give low ≤ high." }
            if !(high - low).isFinite { return "its range is wider than a double can say; give less." }
            if let step, !(step > 0 && step.isFinite) { return "step is \(step); give a number above 0." }
            if log && low <= 0 { return "log with low \(low); give low > 0, or leave log out." }
            if log && step != nil { return "log with a step; leave one of the two out." }
        }
        return nil
    }
}
