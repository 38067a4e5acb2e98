import Jobs
import Market
import Messages

/// Cuts the events into tasks: by ranges of dates, and within a range by input, so that results come in the order of
/// dates that daily shards are written in.
package struct LabelPlanner: Planner {
    package typealias Kind = Label
    private let spec: Label.Spec
    private var count: ArrayCount

    package init(_ spec: Label.Spec, blobs: any BlobSource) throws(JobError) {
        guard !spec.inputs.isEmpty else { throw JobError("there are no bars to label; give a file or folder of bars.") }
        guard !spec.timeframes.isEmpty, spec.timeframes.allSatisfy({ Timeframe(rawValue: $0) != nil }) else {
            throw JobError("timeframes of \(spec.timeframes) minutes; give some of 1, 5, 15, 60 and 1440.")
        }
        guard spec.stride > 0, spec.daysPerTask > 0 else { throw JobError("a stride or task of 0; give at least 1.") }
        if let fault = spec.rules.fault { throw JobError("the rules: \(fault).") }
        guard spec.inputs.allSatisfy({ $0.firstDay <= $0.lastDay && $0.lastDay - $0.firstDay < 100_000 }) else {
            throw JobError("an input ends before it begins, or spans centuries; submit again.")
        }
        self.spec = spec
        count = ArrayCount(total: UInt32(Self.tasks(spec).count))
    }

    package mutating func start() throws(JobError) -> Step<Label.Task> {
        var step = Step(tasks: Self.tasks(spec))
        step.status = status
        return step
    }

    package mutating func finished(_ index: Int, with result: Label.Result, load: Load) throws(JobError)
        -> Step<Label.Task>
    {
        var step: Step<Label.Task> = count.finished(1)
        step.status = status
        return step
    }

    private var status: PlanStatus {
        var status = PlanStatus()
        status.stages = [
            PlanStatus.Stage(name: "labels", done: UInt64(count.done), total: UInt64(count.total), unit: "tasks")
        ]
        return status
    }

    /// By dates, then by input. Ranges begin at the same days for all inputs.
    private static func tasks(_ spec: Label.Spec) -> [Label.Task] {
        let first = spec.inputs.map(\.firstDay).min() ?? 0
        let last = spec.inputs.map(\.lastDay).max() ?? 0
        var tasks: [Label.Task] = []
        for day in stride(from: first, through: last, by: Int(spec.daysPerTask)) {
            let end = day + Int32(spec.daysPerTask)
            for input in spec.inputs where input.firstDay < end && input.lastDay >= day {
                tasks.append(
                    Label.Task(
                        series: input.series, firstDay: day, endDay: end, timeframes: spec.timeframes,
                        stride: spec.stride, knownUntil: spec.knownUntil, rules: spec.rules))
            }
        }
        return tasks
    }
}
