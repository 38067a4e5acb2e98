import JSON
import Messages

/// `apex jobs`: every job, or one in detail.
enum JobsCommand: Subcommand {
    static let name = "jobs"
    static let summary = "list the jobs, or show one in detail"
    static let help = """
        usage: apex jobs [JOB] [--json] [--state DIR | --coordinator ADDR --keys DIR]

          --json              {"jobs":[…]}; with JOB that job's object alone
        \(whereHelp)

        example: apex jobs 3
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try Place.from(&arguments)
        let word = arguments.optionalWord()
        try arguments.finishWithoutTrailing()
        if let word {
            let status = try Client(place).job(try JobID(argument: word))
            if json {
                printJSON(status.json)
            } else {
                for line in jobDetail(status, columns: .max) { print(line) }
            }
            return .done
        }
        let jobs = try Client(place).status().jobs
        if json {
            printJSON(["jobs": .array(jobs.map(\.json))])
        } else if jobs.isEmpty {
            print("no jobs yet; `apex submit --help` shows how to submit one")
        } else {
            printTable(jobTable(jobs))
        }
        return .done
    }
}

extension JobID {
    /// Reads the number of a job that somebody typed.
    init(argument word: String) throws(UsageError) {
        guard let number = UInt32(word), number > 0 else {
            throw UsageError("\(word) is no job; give its number, as `apex jobs` lists it.")
        }
        self.init(number)
    }
}

/// One job in lines: what it is, how far it is, what it found, its budget.
func jobDetail(_ job: JobStatus, columns: Int) -> [String] {
    func line(_ title: String, _ words: String) -> String {
        clipped(title + String(repeating: " ", count: max(1, 11 - title.count)) + printable(words), to: columns)
    }
    var lines = [line("job", "\(job.id) \(job.kind)" + (job.name.isEmpty ? "" : " “\(job.name)”"))]
    lines.append(line("state", job.state.name + (job.reason.isEmpty ? "" : ": \(job.reason)")))
    lines.append(
        line(
            "tasks",
            "\(job.tasks): \(job.done) done\(job.reused > 0 ? " (\(job.reused) reused)" : ""), "
                + "\(job.running) running\(job.doubled > 0 ? " (\(job.doubled) on two workers)" : ""), "
                + "\(job.queued) queued, \(job.failed) failed"))
    if job.priority != 0 { lines.append(line("priority", "\(job.priority)")) }
    if job.ended > job.submitted {
        lines.append(line("took", durationText(milliseconds: job.ended - job.submitted)))
    }
    for (position, stage) in job.plan.stages.enumerated() {
        let bar = ProgressLine(
            label: stage.name, done: stage.done, total: stage.total, unit: stage.unit, rate: nil, note: "")
        lines.append(line(position == 0 ? "stages" : "", bar.bar(columns: max(20, min(columns, 110) - 11))))
    }
    if let incumbent = job.plan.incumbent { lines.append(line("best", fixed(incumbent, 6))) }
    if let bound = job.plan.bound {
        let gap = job.gap.map { $0 == 0 ? ": proved" : ", gap \(fixed($0, 6))" } ?? ""
        lines.append(line("bound", fixed(bound, 6) + gap))
    }
    if let budget = job.budget {
        let used = ProgressLine(
            label: "", done: budget.elapsedMilliseconds, total: budget.wallMilliseconds, unit: "", rate: nil, note: "")
        lines.append(
            line(
                "budget",
                durationText(milliseconds: budget.elapsedMilliseconds) + " of "
                    + durationText(milliseconds: budget.wallMilliseconds) + " (\(used.percent)%)"))
        let parts = [
            ("spent", budget.spent), ("granted", budget.granted), ("pool", budget.pool), ("donated", budget.donated),
        ]
        lines.append(
            line("", parts.map { "\($0.0) \(durationText(milliseconds: $0.1))" }.joined(separator: ", ") + " of slots"))
    }
    return lines
}
