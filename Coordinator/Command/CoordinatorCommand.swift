import CLinux
import Configuration
import CoordinatorCore
import CoordinatorShell
import Foundation
import Glibc
import Hardware
import JSON
import Messages

/// `apex coordinator`: the coordinator alone, in the foreground.
enum CoordinatorCommand: Subcommand {
    static let name = "coordinator"
    static let summary = "run a coordinator without workers"
    static let help = """
        usage: apex coordinator [--state DIR] [--config cluster.yaml] [--listen tcp://ADDRESS:PORT]… [--quiet] [--no-recorder]

        Serves until Ctrl-C or SIGTERM, which lose nothing: the next start on the same state goes on where this one
        stopped. Workers and commands on this machine find it by its state folder; those elsewhere need --listen (TCP,
        always encrypted) and keys.

          --state DIR      where everything is kept (default: of FILE, $APEX_STATE, else ~/.local/state/apex)
          --config FILE    settings; see the commented cluster.yaml
          --listen ADDR    also listen on TCP, for example tcp://127.0.0.1:7117
          --metrics PORT   metrics for Prometheus at http://127.0.0.1:PORT/metrics, health at /healthz; 0: any free port,
                           which the log names (default: of FILE, else none)
          --quiet          log to DIR/log.jsonl only
          --no-recorder    keep no flight record in DIR/flight, at most 256 MiB; `apex replay DIR` would have none

        example: apex coordinator --state /var/lib/apex --config cluster.yaml
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try arguments.value("--state")
        let file = try arguments.value("--config")
        let configuration = try file.map { try Configuration(readingFrom: $0) }
        let folder = StateFolder(absolute(named ?? configuration?.coordinator.state ?? Place.defaultState))
        var settings = Coordinator.Settings(folder: folder, hostID: hostIdentity())
        while let listen = try arguments.firstValue("--listen") { settings.listen.append(listen) }
        settings.metricsPort = try arguments.integer("--metrics", 0...UInt16.max)
        let parent = try arguments.integer("--parent-pid", 1...Int32.max)
        settings.recordsFlight = !arguments.flag("--no-recorder")
        settings.logsToStandardError = !arguments.flag("--quiet")
        try arguments.finishWithoutTrailing()
        if let configuration { settings.apply(configuration) }
        if let parent { endWith(parent) }
        // Started when the coordinator listens; what is wrong in them is said before.
        let schedules = try ScheduleThread(
            configuration?.schedules ?? [], file: file.map { URL(fileURLWithPath: $0).lastPathComponent } ?? "", folder)
        let coordinator = try Coordinator(settings, stop: try StopSignal())
        var isReady = false
        do {
            try coordinator.run { endpoints in
                isReady = true
                schedules.begin()
                if settings.logsToStandardError {
                    complain("apex coordinator: listening on \(endpoints.joined(separator: ", ")); Ctrl-C stops it.")
                }
            }
        } catch  where isReady {
            complain("apex coordinator: stopped, nothing acknowledged is lost: \(error)")
            return .resumable
        }
        return .done
    }
}

/// This process ends when `parent` does: a private coordinator does not outlive the command that started it.
func endWith(_ parent: Int32) {
    guard apex_end_with(parent) == 0 else { exit(ExitCode.resumable.rawValue) }  // it ended before we asked
}
