import Configuration
import CoordinatorShell
import Foundation
import JSON
import Market
import Messages
import Scheduling

/// `apex schedule`: what runs again and again.
enum ScheduleCommand: Subcommand {
    static let name = "schedule"
    static let summary = "what runs again and again: list, run now, pause, resume"
    static let help = """
        usage: apex schedule list [--json] [--state DIR]
               apex schedule run NAME | pause NAME | resume NAME [--json] [--state DIR]

        Schedules stand in the section schedules of cluster.yaml; the coordinator started with that file submits each
        run once, as a job like any other: `run` has the words after `apex submit`, or those of `apex weekend`, `apex study
        create` and `apex study run`; {date} in them is the day of the run. A scheduled weekend's report is written by
        `apex resume DIR`. Runs missed while it was away are made up by one, the newest; a run waits
        until the one before it has ended.

          list                when each runs, its newest job, its next run
          run NAME            submit it now, beside its schedule
          pause NAME          submit no more runs
          resume NAME         submit again; runs that fell into the pause are not made up
          --state DIR         the state folder of a coordinator on this machine (default $APEX_STATE)
          --json              {"schedules":[{"name","rhythm","words","paused","next","fired","job","trouble"}…]}

        example: apex schedule run daily-bars
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let folder = StateFolder(absolute(try arguments.value("--state") ?? Place.defaultState))
        let json = arguments.flag("--json")
        let word = try arguments.word("what to do (list, run, pause or resume)")
        guard ["list", "run", "pause", "resume"].contains(word) else {
            throw UsageError("there is no schedule command \(word).")
        }
        let name = word == "list" ? nil : try arguments.word("the schedule's name")
        try arguments.finishWithoutTrailing()
        guard FileManager.default.fileExists(atPath: folder.schedules) else {
            throw JobError(
                "\(folder.path): no coordinator with schedules ran here; give cluster.yaml a section schedules and start "
                    + "`apex up --config cluster.yaml`.")
        }
        let book = try ScheduleBook(path: folder.schedules)
        guard let name else {
            try list(book.entries(), json)
            return .done
        }
        guard let entry = try book.entry(name) else {
            let names = try book.entries().map(\.name).joined(separator: ", ")
            throw JobError("there is no schedule \(name); there are \(names.isEmpty ? "none" : names).")
        }
        switch word {
        case "pause": try book.pause(name)
        case "resume": try book.resume(name, at: nowMilliseconds())
        default:
            let today = MarketDate.date(dayNumber: NewYorkTime.dayNumber(of: nowMilliseconds()))
            let request = try JobRequest(
                words: JobRequest.words(entry.words, date: today), state: folder.path)
            let job = try request.submit(Client(.local(folder)), UInt64.random(in: 1...UInt64.max), name)
            if json { printJSON(["job": JSONValue(job.number)]) } else { print("job \(job)") }
            return .done
        }
        if json { try list([book.entry(name) ?? entry], true) } else { print("\(name): \(word)d") }
        return .done
    }

    private static func list(_ entries: [ScheduleBook.Entry], _ json: Bool) throws {
        func time(_ milliseconds: Int64) -> String { barTimeText(milliseconds, minutes: 1) }
        if json {
            printJSON([
                "schedules": .array(
                    entries.map { entry in
                        .object(present: [
                            "name": .string(entry.name), "rhythm": .string(entry.rhythm),
                            "words": .array(entry.words.map { .string($0) }), "paused": .bool(entry.state.isPaused),
                            "current": .bool(entry.isCurrent), "next": entry.next.map { .string(time($0)) },
                            "fired": entry.state.fired.map { .string(time($0)) },
                            "job": entry.job > 0 ? JSONValue(entry.job) : nil, "trouble": .string(entry.trouble),
                        ])
                    })
            ])
            return
        }
        guard !entries.isEmpty else { return print("no schedules; cluster.yaml's section schedules names them") }
        var table = Table([
            .init("NAME"), .init("WHEN"), .init("NEXT"), .init("NEWEST RUN"), .init("JOB", .right),
            .init("SUBMITS", isOptional: true), .init("STATE"),
        ])
        for entry in entries {
            let state =
                !entry.isCurrent
                ? "no longer in cluster.yaml"
                : entry.state.isPaused ? "paused" : entry.trouble.isEmpty ? "" : entry.trouble
            table.add([
                entry.name, entry.rhythm, entry.state.isPaused ? "–" : entry.next.map(time) ?? "–",
                entry.state.fired.map(time) ?? "–", entry.job > 0 ? "\(entry.job)" : "–",
                entry.words.joined(separator: " "), state,
            ])
        }
        printTable(table)
    }
}

extension StateFolder {
    /// What schedules have done.
    var schedules: String { path + "/schedules.sqlite" }
}
