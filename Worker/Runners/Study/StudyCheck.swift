import Jobs
import Messages

extension StudyRunner {
    /// Evaluates one trial of a study here and now, without a coordinator: what a person sees before a night of trials.
    /// Nothing is pruned.
    ///
    /// - Parameters:
    ///   - values: as a trial's, one per parameter of the space.
    ///   - stage: of a three-stage study.
    ///   - folder: under which the trial's folder is made, where the objective does not name one.
    ///   - heard: called with each report as it comes.
    /// - Returns: what would be recorded.
    package static func check(
        _ spec: Study.Spec, values: [Double?], stage: ThreeStages.Stage = .coarse, folder: String,
        blobs: any BlobSource,
        isCancelled: @escaping () -> Bool = { false }, heard: @escaping (Study.Report) -> Void = { _ in }
    ) throws(JobError) -> Study.Result {
        let context = RunContext(blobs: blobs, isCancelled: isCancelled)
        var answers: [[UInt8]] = []
        context.workerName = "here"
        context.folder = folder
        context.report = { bytes in
            guard let report = try? Study.Report(wireBytes: bytes) else { return }
            heard(report)
            answers.append(
                Study.Trial.Decision(step: report.step, isPruned: false, reason: "a check prunes nothing").wireBytes)
        }
        context.answers = {
            defer { answers = [] }
            return answers
        }
        let task = Study.Task(
            study: spec.name, trial: 0, attempt: 0, parameters: spec.parameters, values: values,
            objective: spec.objective, objectives: UInt32(spec.directions.count), seed: spec.seed,
            stage: spec.stages?.part(stage))
        return try run(task, index: 0, context: context)
    }
}
