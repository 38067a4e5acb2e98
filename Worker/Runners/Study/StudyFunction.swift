import Glibc
import Jobs
import Messages
import Objectives

extension StudyRunner {
    /// A report that got lost is made again after so long, and given up after ten times that.
    private static let patienceMilliseconds: Int64 = 2000

    /// A test function; one with steps reports each and ends when it is told to.
    static func evaluate(
        function name: String, of task: Study.Task, _ context: RunContext, _ result: inout Study.Result
    ) throws(ObjectiveError) {
        guard let function = TestFunctions.named(name) else {
            let names = TestFunctions.all.map { $0.name }.joined(separator: ", ")
            throw ObjectiveError("there is no test function \(name); there are \(names).")
        }
        guard function.objectives == Int(task.objectives) else {
            throw ObjectiveError(
                "\(name) has \(ObjectiveOutput.count(function.objectives, "value")); the study has "
                    + "\(task.objectives).")
        }
        var values: [String: Double] = [:]  // looked up by name
        for (name, value) in task.parameters.named(task.values) {
            guard let parameter = function.parameters.first(where: { $0.name == name }) else { continue }
            values[name] = number(value, as: parameter)
        }
        let missing = function.missing(in: values)
        guard missing.isEmpty else {
            throw ObjectiveError("\(name) wants a value for \(missing.joined(separator: ", ")).")
        }
        for step in 0..<function.steps {
            let report = Study.Report(step: Int64(step), value: function.report(values, at: step))
            result.reports.append(report)
            if try isPruned(by: report, context) {
                result.end = .pruned
                return
            }
        }
        let found = function.evaluate(values)
        guard !found.contains(where: \.isNaN) else { throw ObjectiveError("\(name) is NaN there.") }
        result.end = .complete(found)
    }

    /// As functions take it: a choice by its position in their own list.
    private static func number(_ value: ParameterValue, as parameter: TestParameter) -> Double? {
        switch (value, parameter.kind) {
        case (.int(let number), .float), (.int(let number), .int): Double(number)
        case (.float(let number), .float), (.float(let number), .int): number
        case (_, .categorical): parameter.choices.firstIndex(of: value.text).map(Double.init)
        default: nil
        }
    }

    /// Reports and waits for the answer, where somebody answers.
    private static func isPruned(by report: Study.Report, _ context: RunContext) throws(ObjectiveError) -> Bool {
        context.report(report.wireBytes)
        guard context.bell >= 0 else { return false }
        let started = ChildProcess.milliseconds()
        var sentAt = started
        while !context.isCancelled() {
            for bytes in context.answers() {
                if let decision = try? Study.Trial.Decision(wireBytes: bytes), decision.step == report.step {
                    return decision.isPruned
                }
            }
            let now = ChildProcess.milliseconds()
            guard now - started < 10 * patienceMilliseconds else {
                throw ObjectiveError("nobody answered its report of step \(report.step).", mayRetry: true)
            }
            if now - sentAt >= patienceMilliseconds {
                sentAt = now
                context.report(report.wireBytes)
            }
            var wait = pollfd(fd: context.bell, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&wait, 1, Int32(sentAt + patienceMilliseconds - now))
        }
        return false
    }
}
