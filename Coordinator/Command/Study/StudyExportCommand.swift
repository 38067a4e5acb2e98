import Foundation
import JSON
import Jobs
import Messages
import Studies

/// `apex study export`.
enum StudyExportCommand: Subcommand {
    static let name = "export"
    static let summary = "a study as CSV, JSON or Optuna's journal"
    static let help = """
        usage: apex study export NAME [--format csv|json|journal] [--out FILE]

          --format F        csv (default), json, or journal: a file that Optuna's JournalStorage opens
          --out FILE        where to; without it, standard output
        \(whereHelp)

        `studies.sqlite` in the state folder needs no export: Optuna and optuna-dashboard open it as it is, at any time.

        example: apex study export fit --format csv --out fit.csv
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let word = try arguments.value("--format") ?? "csv"
        guard let format = StudyExport(rawValue: word) else {
            throw UsageError("--format is \(word); give csv, json or journal.")
        }
        let out = try arguments.value("--out")
        let place = try Place.from(&arguments)
        let name = try arguments.word("the study's NAME")
        try arguments.finishWithoutTrailing()
        let study = try StudyHost(place).study(name)
        let bytes = format.bytes(study.spec, try study.trials())
        guard let out else {
            FileHandle.standardOutput.write(Data(bytes))
            return .done
        }
        do { try Data(bytes).write(to: URL(fileURLWithPath: absolute(out)), options: .atomic) } catch {
            throw JobError("\(out): cannot be written (\(error.localizedDescription)); give another --out.")
        }
        complain("\(out): \(bytes.count) bytes")
        return .done
    }
}

/// `apex study import`.
enum StudyImport: Subcommand {
    static let name = "import"
    static let summary = "make a study that goes on from Optuna's SQLite file"
    static let help = """
        usage: apex study import FILE [--study NAME] --objective '…' [--name NEW] [OPTIONS]

        Reads the trials that are over from a database that Optuna wrote, and makes a study that starts with them: its
        space is what the trials' distributions show, or --space FILE with the same parameters.
          --study NAME      which study of the file; not needed where there is one
          --name NEW        what it is called here (default: as there)
          the rest          as for `apex study create`: --objective, --sampler, --pruner, --trials, …
        \(whereHelp)

        example: apex study import old.db --objective 'python3 train.py --lr {lr}' --trials 100
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let wanted = try arguments.value("--study")
        let new = try arguments.value("--name")
        let path = try arguments.word("the FILE")
        let file = try StudyFile(absolute(path))
        let names = try file.names()
        guard let old = wanted ?? (names.count == 1 ? names[0] : nil) else {
            throw UsageError(
                "\(path) holds \(names.count == 0 ? "no study" : names.joined(separator: ", ")); name one with --study."
            )
        }
        let read = try file.read(old)
        let options = try StudyOptions.spec(
            &arguments, name: new ?? old, parameters: read.parameters, directions: read.directions)
        var spec = options.spec
        let place = try Place.from(&arguments)
        try arguments.finishWithoutTrailing()
        guard spec.parameters.map(\.name).sorted() == read.parameters.map(\.name).sorted() else {
            throw UsageError(
                "the space has \(spec.parameters.map(\.name).joined(separator: ", ")); the file's study has "
                    + "\(read.parameters.map(\.name).joined(separator: ", ")).")
        }
        // In the order of the space that the study will have.
        let history = Study.History(
            trials: read.trials.map { trial in
                var trial = trial
                trial.parameters = spec.parameters.map { parameter in
                    trial.parameters[read.parameters.firstIndex { $0.name == parameter.name }!]
                }
                trial.fixed = spec.parameters.map { _ in nil }
                // Of an earlier study's stages; those of this one are its own.
                trial.attributes.removeAll { Study.Trial.stageKeys.contains($0.name) }
                return trial
            })
        let host = try StudyHost(place)
        spec.history = try host.client.put(history.wireBytes)
        if let universe = options.universe { try host.client.put(universe) }
        let study = try StudyCreate.create(spec, in: host)
        if json {
            printJSON([
                "study": .string(spec.name), "job": .init(study.job.number), "trials": .init(history.trials.count),
            ])
        } else {
            print("study \(spec.name) starts with \(counted(history.trials.count, "trial")) of \(path)")
        }
        return .done
    }
}
