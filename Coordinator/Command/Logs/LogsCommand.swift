import CoordinatorShell
import Foundation
import Glibc
import JSON
import Jobs
import Messages

/// `apex logs`: what programs print.
enum LogsCommand: Subcommand {
    static let name = "logs"
    static let summary = "show what a job's programs print, while they run and afterwards"
    static let help = """
        usage: apex logs JOB[.TASK] [--follow] [--state DIR | --coordinator ADDR --keys DIR]

        Prints standard output to standard output, standard error to standard error; of a job with several tasks, every
        line begins with the task's number. A task that is done shows the last 64 KiB of each stream. One that runs shows
        what came lately: a worker sends at most 64 KiB a second, and the coordinator keeps 128 KiB of a task, 16 MiB in
        all. Where something is missing a line says how much. Trials of studies keep all they print in their folders.

          --follow            go on until the job or task is over; Ctrl-C stops following, not the job
          --json              without --follow: {"job","parts":[{"task","stream","text"}…]}
        \(whereHelp)

        Exit code with --follow: 0 all done, 1 a task failed or the job was cancelled, 3 stopped following.

        example: apex logs 3.17 --follow
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let follows = arguments.flag("--follow") || arguments.flag("-f")
        let json = arguments.flag("--json")
        guard !json || !follows else { throw UsageError("--json prints one object; it does not go with --follow.") }
        let place = try Place.from(&arguments)
        let about = try arguments.word("the job or task, as 3 or 3.17,")
        try arguments.finishWithoutTrailing()
        let named = try JobOrTask(about)
        let (job, task) = (named.job, named.task)
        // Before any other thread: they must inherit that signals are blocked.
        let stop = follows ? try StopSignal() : nil
        let client = try Client(place)
        var status = try client.job(job)
        guard [Command.name, Study.name].contains(status.kind) else {
            throw JobError("job \(job) is of kind \(status.kind), which runs no programs that print.")
        }
        if let task, task.index >= status.tasks, status.state.isOver {
            throw JobError("job \(job) has \(counted(Int(status.tasks), "task")), numbered from 0.")
        }
        var logs = TaskLogs(job: job, task: task?.index, isAlone: task != nil || status.tasks <= 1, printsJSON: json)
        guard let stop else {
            try logs.takeParts(client, holds: true)
            try logs.takeEnds(client, status)
            logs.showHeld()
            logs.finish()
            if json { printJSON(["job": JSONValue(job.number), "parts": .array(logs.parts)]) }
            return .done
        }
        while true {
            // In this order: what an ended task printed is there.
            status = try client.job(job)
            logs.isAlone = logs.isAlone && (task != nil || status.tasks <= 1)
            try logs.takeParts(client)
            if logs.hasNews(status) { try logs.takeEnds(client, status) }
            if logs.isOver || status.state.isOver || status.state == .resting { break }
            guard !stop.waits(.milliseconds(200)) else {
                logs.finish()
                complain("stopped following; job \(job) goes on.")
                return .resumable
            }
        }
        logs.finish()
        return logs.failures > 0 || status.state == .failed || status.state == .cancelled ? .failed : .done
    }
}
