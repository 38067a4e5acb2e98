import Jobs
import Messages
import Samplers

extension Study.Spec {
    /// Trials asked for at once, at most: each is a task, and a batch that large learns nothing.
    private static let maximumParallel: UInt32 = 4096

    /// - Throws: what is wrong with a study, and what to do about it.
    func check() throws(JobError) {
        let plain = name.unicodeScalars.allSatisfy { $0.value > 32 && $0.value != 127 && $0 != "/" }
        guard !name.isEmpty, name.utf8.count <= 512, plain, name != ".", name != ".." else {
            throw JobError("a study named “\(name)”; give 1 to 512 letters, without spaces and /.")
        }
        guard !directions.isEmpty, directions.count <= 16 else {
            throw JobError("study \(name) has \(directions.count) directions; give 1 to 16, as minimize or maximize.")
        }
        guard parallel > 0, parallel <= Self.maximumParallel else {
            throw JobError("study \(name): \(parallel) trials at once; give 1 to \(Self.maximumParallel).")
        }
        if case .command(let program) = objective, program.words.first?.isEmpty ?? true {
            throw JobError("study \(name): its objective names no program.")
        }
        if case .command(let program) = objective { try check(program.words) }
        if stages != nil { try checkStages() }
    }
}

extension Study.Spec {
    /// What a coordinator would refuse, before anybody asks one.
    package func verify() throws(JobError) { _ = try StudyBook(self, history: []) }

    /// A word that asks for what no trial has would make every trial fail.
    private func check(_ words: [String]) throws(JobError) {
        let names =
            parameters.map(\.name) + ObjectiveWords.ownNames
            + (stages?.part(.coarse).placeholders.map(\.name) ?? [])
        do throws(JobError) {
            _ = try ObjectiveWords(values: names.map { ($0, "") }).filled(words)
        } catch { throw JobError("study \(name): \(error.description)") }
    }

    fileprivate func checkStages() throws(JobError) {
        guard directions == [.maximize] else {
            throw JobError("study \(name): three stages maximise one value, profit after cost less what is feared.")
        }
        if case .function(let function) = objective {
            throw JobError(
                "study \(name): \(function) trades nothing; three stages want a program that reports "
                    + TradingMetrics.names.joined(separator: ", ") + ", or algorithm:NAME.")
        }
    }
}

extension [StudyParameter] {
    /// The space as samplers know it.
    /// - Throws: when it is none, in words for its author.
    package var space: Space {
        get throws(JobError) {
            var parameters: [Samplers.Parameter] = []
            for (at, parameter) in enumerated() {
                guard parameter.conditions.count <= 1 else {
                    throw JobError(
                        "\(parameter.name): it has \(parameter.conditions.count) conditions; give one, on a parameter "
                            + "that has the others.")
                }
                var when: Samplers.Condition?
                if let condition = parameter.conditions.first {
                    guard let parent = firstIndex(where: { $0.name == condition.parent }) else {
                        throw JobError(
                            "\(parameter.name): its condition is on \(condition.parent), which is no parameter; there "
                                + "are \(map(\.name).joined(separator: ", ")).")
                    }
                    var values: [Double] = []
                    for value in condition.values {
                        guard let stored = self[parent].stored(value) else {
                            throw JobError("\(parameter.name): \(condition.parent) is never \(value.text).")
                        }
                        values.append(stored)
                    }
                    when = Samplers.Condition(parent: parent, values: values)
                }
                parameters.append(Parameter(parameter.name, try self[at].distribution, when: when))
            }
            do throws(SpaceError) { return try Space(parameters) } catch { throw JobError(error.description) }
        }
    }

    /// What is wrong with values that somebody enqueues; nil: nothing. A number outside its range is let through, as
    /// Optuna does: who enqueues it means it.
    package func fault(of values: [Double?]) -> String? {
        guard values.count == count else { return "\(values.count) values for \(count) parameters" }
        for (parameter, value) in zip(self, values) {
            guard let value else { continue }
            if !value.isFinite { return "\(parameter.name) cannot be \(value)." }
            switch parameter.kind {
            case .float: break
            case .int: if Int64(exactly: value) == nil { return "\(parameter.name) is an integer; \(value) is none." }
            case .categorical(let choices):
                if Int(exactly: value).map(choices.indices.contains) != true {
                    return "\(parameter.name) has no choice number \(value)."
                }
            }
        }
        return nil
    }
}

extension StudyParameter {
    private static let largest: Int64 = 1 << 53

    package var distribution: Distribution {
        get throws(JobError) {
            switch kind {
            case .float(let low, let high, let step, let log): return .float(low: low, high: high, step: step, log: log)
            case .int(let low, let high, let step, let log):
                // Clamped to just past what `Space` lets through: it has the words.
                func bounded(_ value: Int64) -> Int {
                    Int(Swift.min(Swift.max(value, -Self.largest - 1), Self.largest + 1))
                }
                return .int(low: bounded(low), high: bounded(high), step: bounded(step), log: log)
            case .categorical(let choices):
                guard Set(choices).count == choices.count else {  // compared, never iterated
                    throw JobError("\(name): a choice is named twice; name each once.")
                }
                return .categorical(choices: choices.count)
            }
        }
    }
}
