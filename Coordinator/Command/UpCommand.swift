import Configuration
import CoordinatorShell
import Foundation
import Glibc
import Hardware
import Messages

/// `apex up`: a coordinator and workers on this machine.
enum UpCommand: Subcommand {
    static let name = "up"
    static let summary = "run a coordinator and workers on this machine"
    static let help = """
        usage: apex up [--state DIR] [--workers N] [--slots N] [--config cluster.yaml] [--listen tcp://ADDRESS:PORT]…

        Runs until Ctrl-C or SIGTERM. Coordinator and workers are separate processes: one that crashes is started
        again, and its tasks go on elsewhere. Commands on this machine find the cluster by its state folder.

          --state DIR      where everything is kept (default: of FILE, $APEX_STATE, else ~/.local/state/apex)
          --workers N      local workers (default: the cores this process may use; 0: the coordinator alone)
          --slots N        tasks at once on each of them (default 1); a task that needs 4 cores needs 4 slots of one worker
          --config FILE    settings; see the commented cluster.yaml
          --listen ADDR    also let workers and commands of other machines in, over TCP

          --metrics PORT   metrics for Prometheus at http://127.0.0.1:PORT/metrics, health at /healthz

        example: apex up --workers 8 &
                 apex submit command --count 100 --wait -- sh -c 'echo task {index}'
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let named = try arguments.value("--state")
        // Read here too: what is wrong in it is said before anything starts.
        let file = try arguments.value("--config").map(absolute)
        let configuration = try file.map { try Configuration(readingFrom: $0) } ?? Configuration()
        let folder = StateFolder(absolute(named ?? configuration.coordinator.state ?? Place.defaultState))
        let workers = try arguments.integer("--workers", 0...4096) ?? usableCores()
        let slots = try arguments.integer("--slots", 1...4096) ?? configuration.worker.slots ?? 1
        var options = ["--quiet"]
        if let file { options += ["--config", file] }
        while let listen = try arguments.firstValue("--listen") { options += ["--listen", listen] }
        if let port = try arguments.integer("--metrics", 0...UInt16.max) { options += ["--metrics", "\(port)"] }
        try arguments.finishWithoutTrailing()

        let stop = try StopSignal()
        let supervisor = try Supervisor(
            folder, workers: workers, slots: slots, coordinatorOptions: options,
            workerOptions: file.map { ["--config", $0] } ?? [], drainSeconds: configuration.worker.drainSeconds)
        defer { supervisor.stop() }
        let client = try Client(.local(folder), patience: .seconds(1))
        var isReady = false
        while stop.count == 0 {
            supervisor.tend()
            if let failure = supervisor.failure {
                complain("apex up: \(failure); what was acknowledged is in \(folder.path).")
                return .resumable
            }
            if !isReady, let status = try? client.status(), status.workers.count >= workers {
                isReady = true
                complain(
                    "apex up: ready, \(counted(workers, "worker")); coordinator at \(status.coordinator.listen.joined(separator: ", "))\n"
                        + "         try `apex status --state \(folder.path)`; Ctrl-C stops everything, nothing is lost."
                )
            }
            stop.waits(.milliseconds(50))
        }
        return .done
    }
}

/// Whole cores this process may use, at least 1.
func usableCores() -> Int {
    let report = detectHardware(measure: false)
    let usable = max(1, Int(report.usableMillicores / 1000))
    // Physical cores: two compute threads on one core's two halves mostly wait for each other.
    return report.physicalCores > 0 ? min(usable, Int(report.physicalCores)) : usable
}
