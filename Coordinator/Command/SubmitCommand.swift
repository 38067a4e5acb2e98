import CoordinatorShell
import Foundation
import JSON
import Jobs
import Messages

/// `apex submit`: a program run many times, or tasks that do nothing.
enum SubmitCommand: Subcommand {
    static let name = "submit"
    static let summary =
        "submit a job: programs, bars, charts, labels, training sets, no-ops"
    static let help = """
        usage: apex submit command [OPTIONS] -- PROGRAM ARG…
               apex submit ingest …       bars from providers: `apex submit ingest --help`
               apex submit noop --count N [--bytes B] [OPTIONS]
               apex submit render …       charts of bars: `apex submit render --help`
               apex submit label …        what came of every bar: `apex submit label --help`
               apex submit aggregate …    training sets of shards: `apex submit aggregate --help`

        command runs PROGRAM --count times, with APEX_TASK_INDEX 0, 1, … in its environment and {index} replaced in its
        arguments. Each run has a working folder of its own, which is removed after it, an environment without the
        worker's secrets, and an empty standard input; of what it prints the last 64 KiB are kept. noop measures the
        cluster itself: N tasks that each answer B zero bytes.

          --count K           how many times (command: default 1)
          --cores C           slots one run occupies (default 1)
          --memory SIZE       memory one run needs, as 512M or 2G; it goes to workers that have as much, and may use no
                              more
          --processes N       processes one run may have
          --timeout TIME      a run that takes longer is ended and has failed, as 60s or 10m
          --retries R         how often a run that failed is tried again (default 0)
          --priority P        higher runs first (default 0)
          --after JOB         start when that job is done; may be given several times
          --name NAME         what `apex jobs` calls it
          --wait              follow it to the end; Ctrl-C stops following, not the job
          --output            with --wait: print what the runs printed, in the order of their indices
          --json              one JSON object: {"job"}, with --wait the job's; for noop with --wait
                              {"job","tasks","failed","seconds","tasks_per_second","clock","client_seconds"}
        \(whereHelp)

        Exit code with --wait: 0 all done, 1 a run failed or the job was cancelled, 3 stopped following.

        example: apex submit command --count 100 --retries 1 --wait -- sh -c 'echo task {index}'
        """

    static func help(for arguments: inout Arguments) -> String {
        if arguments.take(Render.name) { return RenderCommand.help }
        if arguments.take(Ingest.name) { return IngestOptions.help }
        if arguments.take(Label.name) { return LabelCommand.help }
        return arguments.take(Aggregate.name) ? AggregateCommand.help : help
    }

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        if arguments.take(Render.name) { return try RenderCommand.run(&arguments) }
        if arguments.take(Label.name) { return try LabelCommand.run(&arguments) }
        if arguments.take(Aggregate.name) { return try AggregateCommand.run(&arguments) }
        let options = try SubmitOptions(&arguments)
        let kind = try arguments.word("what to submit, command, ingest, render, label, aggregate or noop,")
        let (kindName, spec) = try options.spec(kind, &arguments)
        // Before any other thread: they must inherit that signals are blocked.
        let stop = options.wait ? try StopSignal() : nil
        let client = try Client(options.place)
        let began = ContinuousClock.now
        let job = try client.submit(options.submission(kindName, spec))
        guard let stop else {
            if options.json { printJSON(["job": JSONValue(job.number)]) } else { print("job \(job)") }
            return .done
        }
        guard let status = try JobFollower(client, stop).follow(job) else {
            if options.json { printJSON(try client.job(job).json) }
            return .resumable
        }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        if options.json {
            printJSON(kindName == Noop.name ? measured(status, clientSeconds: seconds) : status.json)
        } else {
            if options.output { try printOutput(of: job, client) }
            summarise(status, clientSeconds: seconds)
            if kindName == Ingest.name, let answer = status.answer {
                IngestOptions.show(try Ingest.Summary(wireBytes: try client.blob(answer)))
            }
        }
        if status.failed > 0 { try complainOfFailures(of: job, count: status.failed, client) }
        if status.state != .done, status.failed == 0, !status.reason.isEmpty {
            complain("apex submit: job \(job): \(status.reason)")
        }
        return status.state == .done && status.failed == 0 ? .done : status.state == .unfinished ? .unproved : .failed
    }

    static func request(_ arguments: inout Arguments, isRehearsal: Bool) throws -> JobRequest {
        let options = try SubmitOptions(&arguments)
        let kind = try arguments.word("what to submit, command, ingest, render, label, aggregate or noop,")
        // A schedule's ingest looks at the store when it is submitted, for then it is known what is missing.
        let (kindName, spec) = try options.spec(kind, &arguments, isRehearsal: isRehearsal)
        return JobRequest(isFollowed: options.wait || options.json) { _ in options.submission(kindName, spec) }
    }

    /// The coordinator's own clock, from accepting the job to its last result stored; the client's where that is too
    /// coarse to divide by.
    private static func measured(_ status: JobStatus, clientSeconds: Double) -> JSONValue {
        let (seconds, clock) = duration(status, clientSeconds)
        return [
            "job": JSONValue(status.id.number), "tasks": JSONValue(status.done), "failed": JSONValue(status.failed),
            "seconds": .number(seconds), "tasks_per_second": .number((Double(status.done) / seconds).rounded()),
            "clock": .string(clock), "client_seconds": .number((clientSeconds * 1e6).rounded() / 1e6),
        ]
    }
    private static func duration(_ status: JobStatus, _ clientSeconds: Double) -> (seconds: Double, clock: String) {
        let milliseconds = status.ended > status.submitted ? status.ended - status.submitted : 0
        return milliseconds > 0 ? (Double(milliseconds) / 1000, "coordinator") : (clientSeconds, "client")
    }

    private static func summarise(_ status: JobStatus, clientSeconds: Double) {
        let (seconds, clock) = duration(status, clientSeconds)
        print(
            "job \(status.id) \(status.state.name): \(status.done) of \(status.tasks) tasks done"
                + (status.failed > 0 ? ", \(status.failed) failed" : "")
                + " in \(fixed(seconds, 3)) s by the \(clock)'s clock, \(short(Double(status.done) / seconds)) tasks/s")
    }

    private static func printOutput(of job: JobID, _ client: Client) throws {
        try client.eachResult(of: job) { record in
            guard record.succeeded else { return true }
            var reader = WireReader(record.bytes)
            guard let result: Command.Result = try? reader.value() else { return true }
            FileHandle.standardOutput.write(Data(result.output))
            return true
        }
    }

    /// The first few, in the runs' own words.
    private static func complainOfFailures(of job: JobID, count: UInt32, _ client: Client) throws {
        let shown = 5
        let failures = try client.failures(of: job, limit: shown)
        for (index, words) in failures { complain("task \(job).\(index) failed: \(words)") }
        if count > shown { complain("… and \(Int(count) - failures.count) more.") }
    }
}

/// What `apex submit` was told, checked.
private struct SubmitOptions {
    var place: Place
    var count: UInt32?
    var cores: UInt32, retries: UInt32, bytes: UInt32, processes: UInt32
    var memoryBytes: UInt64 = 0, timeoutMilliseconds: UInt64 = 0
    var priority: Int32
    var after: [JobID] = []
    var name: String
    var wait: Bool, json: Bool, output: Bool

    init(_ arguments: inout Arguments) throws {
        json = arguments.flag("--json")
        wait = arguments.flag("--wait")
        output = arguments.flag("--output")
        count = try arguments.integer("--count", 1...UInt32.max)
        bytes = try arguments.integer("--bytes", 0...(1 << 20)) ?? 0
        cores = try arguments.integer("--cores", 1...4096) ?? 1
        processes = try arguments.integer("--processes", 1...1_000_000) ?? 0
        retries = try arguments.integer("--retries", 0...1000) ?? 0
        priority = try arguments.integer("--priority", Int32.min...Int32.max) ?? 0
        name = try arguments.value("--name") ?? ""
        memoryBytes = try StudyOptions.memory(&arguments)
        if let text = try arguments.value("--timeout") {
            do throws(QuantityError) { timeoutMilliseconds = UInt64(try Quantities.milliseconds(text)) } catch {
                throw UsageError("--timeout is \(text); \(error.advice).")
            }
            guard timeoutMilliseconds > 0 else {
                throw UsageError("--timeout is \(text); give a time above 0, as 60s, or leave it out.")
            }
        }
        while let job = try arguments.firstValue("--after") { after.append(try JobID(argument: job)) }
        place = try Place.from(&arguments)
        if output, !wait || json { throw UsageError("--output goes with --wait and without --json.") }
    }

    func submission(_ kind: String, _ spec: [UInt8]) -> Submission {
        Submission(
            token: UInt64.random(in: 1...UInt64.max), kind: kind, spec: spec, name: name, priority: priority,
            after: after, needs: TaskNeeds(cores: cores, memoryBytes: memoryBytes), retries: retries)
    }

    func spec(_ kind: String, _ arguments: inout Arguments, isRehearsal: Bool = false) throws -> (
        kind: String, spec: [UInt8]
    ) {
        switch kind {
        case Command.name:
            try arguments.finish()
            guard let program = arguments.trailing.first else {
                throw UsageError("the program to run is missing; write it after --, as -- sh -c 'echo {index}'.")
            }
            guard bytes == 0 else { throw UsageError("--bytes goes with noop.") }
            let spec = Command.Spec(
                program: program, arguments: Array(arguments.trailing.dropFirst()), count: count ?? 1,
                timeoutMilliseconds: timeoutMilliseconds, memoryBytes: memoryBytes, cores: cores, processes: processes)
            return (Command.name, spec.wireBytes)
        case Noop.name:
            try arguments.finishWithoutTrailing()
            guard let count else { throw UsageError("--count is missing; give the number of tasks, as --count 20000.") }
            guard timeoutMilliseconds == 0, !output, processes == 0 else {
                throw UsageError("--timeout, --processes and --output go with command.")
            }
            return (Noop.name, Noop.Spec(count: count, resultBytes: bytes).wireBytes)
        case Ingest.name:
            let ingest = try IngestOptions(&arguments, place, looksAtStore: !isRehearsal)
            if !ingest.unknown.isEmpty {
                complain(
                    "left out, for none of the providers knew them lately: \(ingest.unknown.joined(separator: ", "))")
            }
            return (Ingest.name, ingest.spec().wireBytes)
        default: throw UsageError("\(kind) cannot be submitted; command, noop, render and ingest can.")
        }
    }
}
