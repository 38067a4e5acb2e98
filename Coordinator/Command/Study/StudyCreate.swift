import Blobs
import Configuration
import Foundation
import JSON
import Jobs
import Market
import Messages
import Objectives
import Pruners
import Samplers

/// `apex study create`.
enum StudyCreate: Subcommand {
    static let name = "create"
    static let summary = "make a study: a space, an objective, a sampler, a pruner"
    static var help: String {
        """
        usage: apex study create NAME --objective '…' [--space FILE] [OPTIONS]

          --space FILE          the parameters, YAML or JSON; not needed for function:… and algorithm:…

              parameters:
                lr:       {type: float, low: 1.0e-5, high: 1.0e-1, log: true}
                layers:   {type: int, low: 1, high: 8}
                batch:    {type: int, low: 16, high: 256, step: 16}
                opt:      {type: categorical, choices: [sgd, adam, lion]}
                momentum: {type: float, low: 0.0, high: 0.99, when: {opt: sgd}}

          --objective WHAT      'PROGRAM ARG…' with {name} for a parameter, {trial.number}, {trial.dir}, {params.json};
                                its last line that is a number is the value; no shell, quotes group words
                                function:NAME    a test function: \(TestFunctions.all.map(\.name).joined(separator: ", "))
                                algorithm:NAME   a trading algorithm of the weekend (macd, rsi, …) on --bars FILE or
                                                 --demo: its stability score
                                external         nothing runs; trials go out by `ask` and come back by `tell`
          --stages FILE         the three-stage template of trading research: a coarse search on one symbol and few days,
                                its best again on several symbols and more days, and the best of those once more on
                                the newest days, untuned; what holds there is marked a candidate. No window shares a
                                day with another. It maximises pnl − cost − weights · (max_drawdown, reject_rate,
                                turnover), which a program reports as attributes; {stage.symbols}, {stage.first} and
                                {stage.last} tell it what to trade. algorithm:NAME trades --bars or --demo itself.

              stages:
                coarse:  {symbols: [AAPL], window: 2017-01-05..2017-01-19, trials: 200}
                refine:  {symbols: [AAPL, MSFT, XOM], window: 2017-01-20..2017-02-16, trials: 60, promoted: 20}
                forward: {symbols: [AAPL, MSFT, XOM, GE], window: 2017-02-17..2017-03-31, promoted: 5}
              weights: {drawdown: 1, reject: 0, turnover: 0}            (these, and what follows, may be left out)
              trading: {capital: 100000, cost_bps: 5, collar_pct: 3}    (of algorithm:NAME)
              floor: 0          a candidate's forward score is above it
              gap_days: 0       calendar days at least between two windows
                                auto instead of FILE: for algorithm:NAME, windows and symbols chosen from the bars
          --direction D         minimize (default) or maximize; once for each value of a trial
          --sampler S           how the next trial is chosen (default tpe; nsga2 for several directions):
        \(samplers)
          --pruner P            which trials are stopped early (default median; none for several directions):
        \(pruners)
          --trials N            what `run` does when it is not told how many
          --parallel N          trials asked for at once (default: twice the slots of `run`, so that no slot waits;
                                8 with --reproducible or --stages, whose trials depend on it)
          --timeout TIME        `run` starts no trial after so long, as 90s, 2h
          --trial-timeout TIME  a trial that takes longer is ended and has failed
          --memory SIZE         memory a trial's program needs, as 512M or 2G; it goes to workers that have as much, and
                                may use no more
          --cores C             slots a trial occupies (default 1)
          --processes N         processes a trial may have
          --grace TIME          between SIGTERM and SIGKILL of a trial's processes (default 10s)
          --folder DIR          where trials have their folders, as DIR/STUDY/NUMBER on every worker's machine
                                (default: trials/ in the worker's own state folder)
          --retries R           a failed trial is tried again so often (default 0)
          --pattern REGEX       the value is what this matches in the last line that it matches (first group)
          --seed N              of the sampler (default 0)
          --reproducible        the same trials on 1, 4 or 16 workers: asks and tells keep one fixed order
                                (always so with --stages)
          --json                print {"study","job","parameters","objective","sampler","pruner"}
        \(whereHelp)

        example: apex study create fit --space space.yaml --objective './train.py --lr {lr}' --trials 200
                 apex study create trade --objective algorithm:sma --bars us-daily.csv.gz --stages auto
        """
    }

    private static var samplers: String {
        let names = SamplerKind.allCases.map(\.rawValue)
        let width = names.map(\.count).max() ?? 0
        return zip(names, SamplerKind.allCases).map { name, kind in
            String(repeating: " ", count: 28) + name + String(repeating: " ", count: width + 2 - name.count)
                + kind.whenToUse
        }.joined(separator: "\n")
    }
    private static var pruners: String {
        PrunerChoice.help.split(separator: "\n").map { String(repeating: " ", count: 28) + $0 }
            .joined(separator: "\n")
    }

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let (spec, universe) = try StudyOptions.spec(&arguments)
        let place = try Place.from(&arguments)
        try arguments.finishWithoutTrailing()
        let host = try StudyHost(place)
        if let universe { try host.client.put(universe) }
        let study = try create(spec, in: host)
        if json {
            printJSON([
                "study": .string(spec.name), "job": JSONValue(study.job.number),
                "parameters": .array(spec.parameters.map { .string($0.name) }),
                "objective": .string(spec.objective.words),
                "sampler": .string(spec.sampler), "pruner": .string(spec.pruner),
                "stages": spec.stages?.json ?? .null,
            ])
        } else {
            print("study \(spec.name): \(counted(spec.parameters.count, "parameter")), \(spec.objective.words)")
            for line in spec.stages?.lines ?? [] { print(line) }
            print(
                spec.objective == .external
                    ? "ask it with:  apex study ask \(spec.name)"
                    : "run it with:  apex study run \(spec.name)\(spec.trials == 0 ? " --trials 100" : "")")
        }
        return .done
    }

    /// Makes the study, or finds the same one made before.
    static func create(_ spec: Study.Spec, in host: StudyHost) throws -> OpenStudy {
        var spec = spec
        if let known = try host.find(spec.name) {
            spec.made = known.spec.made
            guard known.spec == spec else {
                throw JobError(
                    "study \(spec.name) exists with \(difference(known.spec, spec)); take another name, go on with it "
                        + "by `apex study run \(spec.name)`, or end it for good by `apex study cancel \(spec.name)`.")
            }
            complain("apex study create: study \(spec.name) exists already, with the same settings.")
            return known
        }
        spec.made = StudyHost.token
        let before = try host.client.status().jobs.count { $0.kind == Study.name && $0.name == spec.name }
        let job = try host.client.submit(
            Submission(
                // Two who make a study of one name at once make one study.
                token: token(spec.name, before), kind: Study.name, spec: spec.wireBytes, name: spec.name,
                needs: spec.objective.needs, toleratesFailures: true))
        let study = try host.open(job, spec.name)
        spec.made = study.spec.made  // another's, when two made it at once
        guard study.spec == spec else {
            throw JobError("study \(spec.name) was just made with \(difference(study.spec, spec)); take another name.")
        }
        return study
    }

    private static func token(_ name: String, _ number: Int) -> UInt64 {
        let hash = BlobID(of: Array("study \(number) \(name)".utf8)).words.0
        return hash == 0 ? 1 : hash
    }

    private static func difference(_ a: Study.Spec, _ b: Study.Spec) -> String {
        if a.parameters != b.parameters { return "another space" }
        if a.objective != b.objective { return "another objective (\(a.objective.words))" }
        if a.stages != b.stages { return a.stages == nil ? "no stages" : "other stages" }
        if a.directions != b.directions { return "other directions" }
        if a.sampler != b.sampler { return "sampler \(a.sampler)" }
        if a.pruner != b.pruner { return "pruner \(a.pruner)" }
        if a.seed != b.seed { return "seed \(a.seed)" }
        if a.parallel != b.parallel { return "\(a.parallel) trials at once" }
        if a.isReproducible != b.isReproducible { return "\(a.isReproducible ? "a" : "no") fixed order" }
        if a.retries != b.retries { return "\(a.retries) retries" }
        if a.trials != b.trials { return "\(a.trials) trials" }
        if a.history != b.history { return "other trials to begin with" }
        return "other settings"
    }
}

/// What `create` and `check` are told about a study.
enum StudyOptions {
    /// - Returns: the study, and the universe that its objective works on.
    ///
    /// - Parameters: known already, from a file: then the words need not say them.
    static func spec(
        _ arguments: inout Arguments, name: String? = nil, parameters known: [StudyParameter]? = nil,
        directions knownDirections: [Study.Direction]? = nil
    ) throws -> (spec: Study.Spec, universe: [UInt8]?) {
        let space = try arguments.value("--space").map { try SpaceFile.read($0) }
        guard let what = try arguments.value("--objective") else { throw UsageError("--objective is missing.") }
        let wanted = try arguments.value("--stages")
        let (objective, own, universe, stages) = try objective(what, stages: wanted, &arguments)
        guard let parameters = space ?? known ?? own else {
            throw UsageError("--space is missing: the file with the parameters.")
        }
        var directions: [Study.Direction] = []
        while let word = try arguments.firstValue("--direction") {
            switch word {
            case "minimize": directions.append(.minimize)
            case "maximize": directions.append(.maximize)
            default: throw UsageError("--direction is \(word); give minimize or maximize.")
            }
        }
        if directions.isEmpty, let knownDirections { directions = knownDirections }
        if directions.isEmpty { directions = stages == nil ? defaultDirections(objective) : [.maximize] }
        let slots = defaultSlots()
        let seed = try arguments.integer("--seed", 0...UInt32.max) ?? 0
        let isReproducible = arguments.flag("--reproducible") || stages != nil
        let parallel = try arguments.integer("--parallel", 1...4096) ?? (isReproducible ? 8 : UInt32(2 * slots))
        let retries = try arguments.integer("--retries", 0...1000) ?? 0 as UInt32
        let sampler = try arguments.value("--sampler") ?? (directions.count > 1 ? "nsga2" : "tpe")
        let pruner = try arguments.value("--pruner") ?? (directions.count > 1 ? "none" : "median")
        var spec = Study.Spec(
            name: try name ?? arguments.word("the study's NAME"), parameters: parameters, directions: directions,
            objective: objective, sampler: sampler, pruner: pruner, seed: seed, parallel: parallel,
            isReproducible: isReproducible, retries: retries)
        spec.trials = try arguments.integer("--trials", 1...10_000_000 as ClosedRange<UInt32>) ?? 0
        if let stages {
            guard spec.trials == 0 else { throw UsageError("--trials and --stages: the stages say how many each has.") }
            spec.stages = stages
            spec.trials = UInt32(stages.trials)
        }
        spec.timeoutMilliseconds = try time("--timeout", &arguments) ?? 0
        // Before a coordinator is asked, or started.
        try spec.verify()
        return (spec, universe)
    }

    private static func objective(_ what: String, stages: String?, _ arguments: inout Arguments) throws
        -> (Study.Objective, own: [StudyParameter]?, universe: [UInt8]?, stages: ThreeStages?)
    {
        let timeout = try time("--trial-timeout", &arguments) ?? 0
        let grace = try time("--grace", &arguments) ?? 10_000
        let pattern = try arguments.value("--pattern") ?? ""
        let folder = try arguments.value("--folder") ?? ""
        var bounds = Study.Program.Bounds()
        bounds.cores = try arguments.integer("--cores", 1...4096) ?? 0
        bounds.processes = try arguments.integer("--processes", 1...1_000_000) ?? 0
        bounds.memoryBytes = try memory(&arguments)
        guard folder.isEmpty && bounds == Study.Program.Bounds() || !isBuiltIn(what) else {
            throw UsageError("--folder, --memory, --cores and --processes are for programs; \(what) runs none.")
        }
        if what == "external" { return (.external, nil, nil, try stages.map { try StageInput($0).stages }) }
        if what.hasPrefix("function:") {
            let name = String(what.dropFirst(9))
            guard let function = TestFunctions.named(name) else {
                throw UsageError(
                    "there is no function \(name); there are \(TestFunctions.all.map(\.name).joined(separator: ", ")).")
            }
            guard stages == nil else {
                throw UsageError(
                    "\(what) trades nothing; --stages wants a program that reports "
                        + TradingMetrics.names.joined(separator: ", ") + ", or algorithm:NAME.")
            }
            return (.function(name), function.studyParameters, nil, nil)
        }
        if what.hasPrefix("algorithm:") {
            let name = String(what.dropFirst(10))
            guard let algorithm = Algorithm.allCases.first(where: { $0.name == name }) else {
                throw UsageError(
                    "there is no algorithm \(name); there are "
                        + Algorithm.allCases.map(\.name).joined(separator: ", ") + ".")
            }
            let bars = try arguments.value("--bars")
            guard arguments.flag("--demo") != (bars != nil) else {
                throw UsageError("\(what) wants the bars it trades: give --bars FILE or --demo.")
            }
            if let stages {
                let input = try StageInput(stages, bars: bars)
                let bytes = input.bars ?? []
                return (
                    .algorithm(name, universe: BlobID(of: bytes)), algorithm.studyParameters, bytes, input.stages
                )
            }
            let input = try WeekendInput(bars: bars, settings: WeekendSettings(), weekEnding: nil)
            return (.algorithm(name, universe: input.blob), algorithm.studyParameters, input.bytes, nil)
        }
        let words = try shellWords(what)
        guard !words.isEmpty else { throw UsageError("--objective is empty; give a program and its arguments.") }
        if !pattern.isEmpty { try check(pattern: pattern) }
        var program = Study.Program(
            words: words, timeoutMilliseconds: timeout, graceMilliseconds: grace, folder: absolute(folder),
            pattern: pattern)
        program.bounds = bounds
        return (.command(program), nil, nil, try stages.map { try StageInput($0).stages })
    }

    /// - Throws: what is wrong with a POSIX extended regular expression.
    private static func check(pattern: String) throws(UsageError) {
        var compiled = unsafe regex_t()
        let failure = unsafe regcomp(&compiled, pattern, REG_EXTENDED)
        if failure == 0 { return unsafe regfree(&compiled) }
        var words = [CChar](repeating: 0, count: 256)
        _ = unsafe regerror(failure, nil, &words, words.count)
        let reason = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw UsageError("--pattern is \(pattern), which is no POSIX extended regular expression: \(reason).")
    }

    private static func isBuiltIn(_ what: String) -> Bool {
        what == "external" || what.hasPrefix("function:") || what.hasPrefix("algorithm:")
    }
    /// Workers have folders of their own to start from.
    private static func absolute(_ folder: String) -> String {
        folder.isEmpty || folder.hasPrefix("/") ? folder : FileManager.default.currentDirectoryPath + "/" + folder
    }

    private static func defaultDirections(_ objective: Study.Objective) -> [Study.Direction] {
        switch objective {
        case .algorithm: [.maximize]
        case .function(let name):
            Array(repeating: .minimize, count: TestFunctions.named(name)?.objectives ?? 1)
        case .command, .external: [.minimize]
        }
    }

    /// In bytes; 0 when it is not given.
    static func memory(_ arguments: inout Arguments) throws(UsageError) -> UInt64 {
        guard let text = try arguments.value("--memory") else { return 0 }
        do throws(QuantityError) { return UInt64(try Quantities.bytes(text)) } catch {
            throw UsageError("--memory is \(text); \(error.advice).")
        }
    }

    static func time(_ option: String, _ arguments: inout Arguments) throws(UsageError) -> UInt64? {
        guard let text = try arguments.value(option) else { return nil }
        let milliseconds: Int
        do throws(QuantityError) { milliseconds = try Quantities.milliseconds(text) } catch {
            throw UsageError("\(option) is \(text); \(error.advice).")
        }
        guard milliseconds > 0 else { throw UsageError("\(option) is \(text); give a time above 0, as 60s or 10m.") }
        return UInt64(milliseconds)
    }

    /// All cores of a small machine; two are left to its owner on a larger one.
    static func defaultSlots(cores: Int = usableCores()) -> Int { cores > 3 ? cores - 2 : max(1, cores) }
}

/// A command line cut into words as a shell would, with ' and " grouping and \\ escaping, and nothing else.
func shellWords(_ text: String) throws(UsageError) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for letter in text {
        if isEscaped {
            word = (word ?? "") + String(letter)
            isEscaped = false
        } else if letter == "\\", quote != "'" {
            isEscaped = true
        } else if let open = quote {
            if letter == open { quote = nil } else { word!.append(letter) }
        } else if letter == "'" || letter == "\"" {
            quote = letter
            word = word ?? ""
        } else if letter.isWhitespace {
            if let whole = word { words.append(whole) }
            word = nil
        } else {
            word = (word ?? "") + String(letter)
        }
    }
    guard quote == nil else { throw UsageError("a \(quote!) is not closed in: \(text)") }
    if let whole = word { words.append(whole) }
    return words
}

extension Study.Objective {
    /// What one trial occupies.
    fileprivate var needs: TaskNeeds {
        guard case .command(let program) = self else { return TaskNeeds() }
        return TaskNeeds(cores: max(1, program.bounds.cores), memoryBytes: program.bounds.memoryBytes)
    }
    /// For people.
    var words: String {
        switch self {
        case .command(let program): program.words.joined(separator: " ")
        case .function(let name): "function \(name)"
        case .algorithm(let name, _): "algorithm \(name)"
        case .external: "asked and told from outside"
        }
    }
}
