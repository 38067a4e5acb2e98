import CoordinatorShell
import Foundation
import Glibc
import JSON
import Messages

/// `apex watch`: the cluster on a screen, twice a second.
enum WatchCommand: Subcommand {
    static let name = "watch"
    static let summary = "watch jobs and workers full-screen; pause and cancel from there"
    static let help = """
        usage: apex watch [--json] [--state DIR | --coordinator ADDR --keys DIR]

        Keys: q quit, arrows or j k select, enter detail, p pause or go on, c cancel, ? help. When the coordinator goes
        away the screen says so and goes on when it is back. Without a terminal: a line every 10 s, until no
        job is open.

          --json              the same object as `apex status --json`, once
        \(whereHelp)

        example: apex watch
        """

    private static let refreshMilliseconds: Int32 = 500

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try Place.from(&arguments)
        try arguments.finishWithoutTrailing()
        if json {
            printJSON(try Client(place).status().json)
            return .done
        }
        let stop = try StopSignal()
        _ = try Client(place).status()  // a wrong address is said before the screen hides it
        guard let terminal = Terminal() else { return try printLines(place, stop) }

        var screen = WatchScreen(place: place.endpoint)
        var client: Client?
        var nextRefresh = ContinuousClock.now
        while stop.count == 0 {
            if ContinuousClock.now >= nextRefresh {
                refresh(&screen, &client, place)
                nextRefresh = .now + .milliseconds(Int(refreshMilliseconds))
            }
            let size = terminalSize(of: 1)
            terminal.show(screen.lines(columns: size.columns, rows: size.rows, clock: timeOfDay(), at: .now))
            let wait = Int32(max(1, (nextRefresh - .now) / .milliseconds(1)))
            guard let keys = terminal.keys(milliseconds: wait, or: stop.descriptor) else { return .done }
            for key in keys {
                switch screen.pressed(key) {
                case .quit: return .done
                case .ask(let request):
                    do {
                        _ = try client?.ask(request)
                        screen.said(client == nil ? "nothing was asked: the coordinator is away" : words(request))
                    } catch { screen.said("\(error)") }
                    nextRefresh = .now
                case .none: break
                }
            }
        }
        return .done
    }

    private static func refresh(_ screen: inout WatchScreen, _ client: inout Client?, _ place: Place) {
        do {
            // Short: the keys wait meanwhile. A new connection after each silence, so that unanswered questions do not
            // pile up for the coordinator that comes back.
            let asked = try client ?? Client(place, patience: .milliseconds(700))
            client = nil
            screen.answered(try asked.status(), at: .now)
            if let job = screen.wantedFailures {
                let failures = try asked.failures(of: job, limit: 10)
                screen.learned(failures: failures.map { "\(job).\($0.index) \($0.words)" }, of: job)
            }
            client = asked
        } catch {
            client = nil
            screen.unanswered()
        }
    }

    private static func words(_ request: Request) -> String {
        switch request {
        case .cancel(let job): "job \(job) is cancelled"
        case .pause(let job): "job \(job) is paused"
        case .unpause(let job): "job \(job) goes on"
        default: ""
        }
    }

    private static let lineSeconds = 10

    /// A line now, one every 10 s and one at the end: when no job is open any more, or nobody reads on.
    private static func printLines(_ place: Place, _ stop: StopSignal) throws -> ExitCode {
        var nextLine = ContinuousClock.now
        while stop.count == 0 {
            let status = try? Client(place, patience: .seconds(2)).status()
            let isOver = status.map { !$0.jobs.contains { !$0.state.isOver } } ?? false
            if isOver || ContinuousClock.now >= nextLine {
                print(timeOfDay() + " " + (status.map(line) ?? "the coordinator at \(place.endpoint) does not answer"))
                // Whoever reads a pipe or a log sees the line now.
                guard !isOver, fflush(nil) == 0 else { break }
                nextLine = .now + .seconds(lineSeconds)
            }
            var waits = [
                pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: 1, events: 0, revents: 0),
            ]
            _ = unsafe poll(&waits, 2, 1000)
            if waits[1].revents & Int16(POLLERR) != 0 { break }
        }
        return .done
    }

    /// The cluster in one line.
    static func line(_ status: ClusterStatus) -> String {
        let open = status.jobs.filter { !$0.state.isOver }
        let jobs = open.map { "job \($0.id) \($0.state.name) \(printable(progressText($0)))" }
        return "\(counted(status.workers.count, "worker")), \(open.count) open of \(status.jobs.count) jobs"
            + (jobs.isEmpty ? "" : ": " + jobs.joined(separator: "; "))
    }

    private static func timeOfDay() -> String {
        var now = time(nil)
        var parts = unsafe tm()
        _ = unsafe localtime_r(&now, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return unsafe "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }
}
