import Foundation
import JSON
import Jobs
import Messages
import Planners
import Studies

/// `apex study check`.
enum StudyCheck: Subcommand {
    static let name = "check"
    static let summary = "evaluate one trial here, with given parameters, and record nothing"
    static let help = """
        usage: apex study check NAME PARAMETER=VALUE…                      of a study that exists
               apex study check --objective '…' [--space FILE] PARAMETER=VALUE…   before there is one

        Shows what a trial with these values would be: its value, reports, attributes, or why it fails. Every parameter
        that the values before it make active must be given. Nothing is pruned; the folder of the trial goes afterwards.
          --stage S         of a three-stage study: coarse (default), refine or forward
          --json            the trial as `apex study trials --json` prints one
        \(whereHelp)

        Exit code 0: complete or pruned; 1: it failed.

        example: apex study check fit lr=0.001 layers=2 batch=32 opt=adam
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        var (spec, universe) = (Optional<Study.Spec>.none, [UInt8]())
        if arguments.has("--objective") {
            let options = try StudyOptions.spec(&arguments, name: "check")
            (spec, universe) = (options.spec, options.universe ?? [])
        }
        let word = try arguments.value("--stage")
        guard let stage = ThreeStages.Stage.allCases.first(where: { $0.name == word ?? "coarse" }) else {
            throw UsageError("--stage is \(word ?? ""); give coarse, refine or forward.")
        }
        let place = try Place.from(&arguments)
        let name = try spec == nil ? arguments.word("the study's NAME") : ""
        var words: [String] = []
        while let word = arguments.optionalWord() { words.append(word) }
        try arguments.finishWithoutTrailing()
        if spec == nil {
            let host = try StudyHost(place)
            spec = try host.study(name).spec
            if case .algorithm(_, let blob)? = spec?.objective { universe = try host.client.blob(blob) }
        }
        guard let spec else { return .wrongUse }
        guard word == nil || spec.stages != nil else { throw UsageError("--stage: the study has no stages.") }
        _ = try spec.parameters.space
        let values = try storedValues(words, spec.parameters)
        for (at, parameter) in spec.parameters.enumerated() {
            let isActive = spec.parameters.isActive(at, in: values)
            if isActive, values[at] == nil { throw UsageError("\(parameter.name) is missing; \(parameter.words).") }
            if !isActive, values[at] != nil {
                throw UsageError("\(parameter.name) is given, but the values before it make it inactive.")
            }
        }
        var trial = Study.Trial(number: 0, state: .failed, parameters: values)
        let result = try evaluate(spec, values, stage, universe)
        trial.reports = result.reports
        trial.constraints = result.constraints
        trial.attributes = result.attributes
        (trial.started, trial.ended, trial.worker) = (result.started, result.ended, result.worker)
        switch result.end {
        case .complete(let numbers):
            trial.state = .complete
            trial.values = numbers
        case .pruned: trial.state = .pruned
        case .failed(let reason, _): trial.reason = reason
        }
        if json { printJSON(trial.json(spec)) } else { show(trial, result) }
        return trial.state == .failed ? .failed : .done
    }

    /// In a worker's program: this one has no kernels.
    private static func evaluate(
        _ spec: Study.Spec, _ values: [Double?], _ stage: ThreeStages.Stage, _ universe: [UInt8]
    )
        throws -> Study.Result
    {
        let folder = NSTemporaryDirectory() + "apex-check-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/check"
        let check = Study.Check(spec: spec, values: values, stage: stage, folder: folder, universe: universe)
        try Data(check.wireBytes).write(to: URL(fileURLWithPath: file))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Supervisor.programFolder() + "/apex-worker")
        process.arguments = ["--check-trial", file]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = [UInt8](try output.fileHandleForReading.readToEnd() ?? Data())
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw JobError("the trial could not be evaluated; see the line above.")
        }
        do { return try Study.Result(wireBytes: bytes) } catch { throw JobError(error, while: "reading the result") }
    }

    private static func show(_ trial: Study.Trial, _ result: Study.Result) {
        let values = trial.values.map { "\($0)" }.joined(separator: ", ")
        print(
            trial.state.optunaName + (values.isEmpty ? "" : ", value \(values)")
                + (trial.reason.isEmpty ? "" : ": \(trial.reason)"))
        for constraint in trial.constraints { print("constraint \(constraint.name) = \(constraint.value)") }
        for attribute in trial.attributes { print("\(attribute.name) = \(attribute.text)") }
        print("took \(durationText(milliseconds: trial.ended - min(trial.started, trial.ended)))")
        for (stream, bytes) in [("stdout", result.output), ("stderr", result.errorOutput)] where !bytes.isEmpty {
            print("— the end of its \(stream):")
            // Control characters must not redraw the terminal.
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") { print(printable(String(line))) }
        }
    }
}
