import Jobs
import Messages

/// The kinds this worker can run. To add one, add its line.
package enum RunnerList {
    private static let all: [ErasedRunner] = [
        ErasedRunner(NoopRunner.self),
        ErasedRunner(CommandRunner.self),
        ErasedRunner(VariationsRunner.self),
        ErasedRunner(GroupsRunner.self),
        ErasedRunner(WeekendRunner.self),
        ErasedRunner(StudyRunner.self),
        ErasedRunner(RenderRunner.self),
        ErasedRunner(LabelRunner.self),
        ErasedRunner(AggregateRunner.self),
        ErasedRunner(IngestRunner.self),
    ]

    /// Every kind's name, as listed.
    package static var names: [String] { all.map(\.kind) }

    /// What is better done before there are threads and much memory.
    /// - Returns: which rules cannot be kept here, in words.
    /// - Throws: when programs must not be run at all.
    package static func prepare(_ rules: ProgramRules = ProgramRules()) throws(JobError) -> [String] {
        try ChildProcess.prepare(rules)
    }
    /// What control groups count of programs' use, for people; after `prepare`.
    package static var controlGroups: String { Confinement.kept.groups?.words ?? "none" }

    /// Now and then: what runners cannot do while they run.
    package static func tidy() { Orphans.reap() }

    /// - Throws: when this program has no runner of that name.
    package static func runner(of kind: String) throws(JobError) -> ErasedRunner {
        guard let runner = all.first(where: { $0.kind == kind }) else {
            throw JobError(
                "this worker (version \(codeVersion)) cannot run tasks of kind \(kind), only "
                    + "\(names.joined(separator: ", ")); update it.")
        }
        return runner
    }
}

/// A runner whose kind is known only by name: bytes in, bytes out.
package struct ErasedRunner: Sendable {
    package typealias Run = (_ index: UInt32, _ context: RunContext) throws(JobError) -> [UInt8]

    package let kind: String
    private let makeRun: @Sendable ([UInt8]) throws(JobError) -> Run

    package init<R: Runner & SendableMetatype>(_ runner: R.Type) {
        kind = R.Kind.name
        makeRun = { payload throws(JobError) in
            let task: R.Kind.Task
            do throws(WireError) { task = try R.Kind.Task(wireBytes: payload) } catch {
                throw JobError(error, while: "reading a \(R.Kind.name) task")
            }
            return { index, context throws(JobError) in
                try R.run(task, index: index, context: context).wireBytes
            }
        }
    }

    /// The payload, decoded once for all tasks that share it.
    package func prepare(_ payload: [UInt8]) throws(JobError) -> Run { try makeRun(payload) }

    package func run(_ payload: [UInt8], index: UInt32, context: RunContext) throws(JobError) -> [UInt8] {
        try prepare(payload)(index, context)
    }
}
