import CoordinatorShell
import Foundation
import Glibc
import Messages

/// `apex alloc`: asks a batch system for machines as there is work, and gives them back.
enum AllocCommand: Subcommand {
    static let name = "alloc"
    static let summary = "ask Slurm for workers as there is work, and give them back"
    static let help = """
        usage: apex alloc slurm [--dry-run] [--min N] [--max M] [OPTIONS] -- SBATCH-ARGS…

        Runs until Ctrl-C or SIGTERM. Submits a worker to Slurm while more tasks could run than there are slots, and
        gives one back when fewer have been enough for a while: its worker hands in what it holds first. A worker knows
        when its allocation ends: it stops taking tasks in time, and searches and programs hand in where they are. After
        repeated failures nothing is submitted for 1, 5, 15, 30 and 60 minutes, and it says why. Needs no rights beyond
        sbatch, squeue and scancel; started anew it finds its allocations by their name.

          --dry-run           print the script and what Slurm says to it, submit nothing
          --min N, --max M    workers to have, at least and at most (default 0 and 1)
          --slots S           tasks at once on each; ask Slurm for as many cores with -- -c S (default 1)
          --idle TIME         so long fewer must be enough before one goes (default 60s)
          --backlog N         allocations that wait in Slurm's queue at once, at most (default 2)
          --failures N        failures in a row after which it pauses (default 3)
          --join-within TIME  a worker that takes longer to join has failed (default 2m)
          --lead TIME         so long before an allocation's end its worker takes no more tasks (default 60s)
          --every TIME        how often to look (default 5s)
          --worker PATH       apex-worker on the machines (default: beside this program)
          --worker-keys DIR   the key of workers over TCP, a folder the machines can read
          --logs DIR          where workers' logs go, a folder the machines have (default: the current one)
          --keep              leave allocations running when this ends
        \(whereHelp)

        Workers elsewhere need an address over TCP and a key: start the coordinator with --listen, make the key with
        `apex keys add-worker slurm --out DIR`, and name it here; a coordinator that listens on this machine only can have
        workers on this machine only.

        example: apex alloc slurm --max 20 --slots 8 --worker-keys ~/slurm-keys -- -p batch -c 8 -t 4:00:00
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        guard arguments.take("slurm") else { throw UsageError("say which batch system: apex alloc slurm.") }
        let options = try AllocOptions(&arguments)
        let stop = try StopSignal()
        let client = try Client(options.place, patience: .seconds(5))
        let slurm = Slurm(coordinator: options.place.endpoint)
        let script = slurm.script(
            worker: try options.worker(client), warningSeconds: options.leadSeconds, output: options.logs)
        guard !options.isDryRun else { return try dryRun(slurm, script, options, client) }
        var loop = AllocLoop(slurm, script, options, client)
        complain(
            "apex alloc: \(options.limits.minimum) to \(counted(options.limits.maximum, "worker")) of \(counted(options.limits.slots, "slot")), "
                + "in Slurm as \(slurm.jobName); Ctrl-C \(options.keeps ? "leaves them running" : "gives them back").")
        while stop.count == 0 {
            loop.turn()
            stop.waits(options.every)
        }
        if !options.keeps { loop.giveAllBack() }
        return .done
    }

    private static func dryRun(_ slurm: Slurm, _ script: String, _ options: AllocOptions, _ client: Client) throws
        -> ExitCode
    {
        print(script)
        print("# submitted with: sbatch \(options.sbatch.map(Slurm.quoted).joined(separator: " "))")
        if let status = try? client.status() {
            let seen = AllocLoop.seen(status, [])
            let wanted = AllocationPlan(options.limits).wanted(seen)
            print("# \(counted(seen.tasks, "task")) could run now; \(counted(wanted, "worker")) would be asked for")
        } else {
            print("# no coordinator answers at \(options.place.endpoint), so nothing is known of tasks")
        }
        do throws(JobError) {
            for line in try slurm.test(script, options.sbatch).split(separator: "\n") { print("# Slurm: \(line)") }
            return .done
        } catch {
            print("# Slurm: \(error)")
            return .failed
        }
    }
}

/// What `apex alloc slurm` was told, checked.
struct AllocOptions {
    var place: Place
    var limits = AllocationPlan.Limits()
    var isDryRun: Bool, keeps: Bool
    var leadSeconds: Int
    var every: Duration
    var workerProgram: String?
    var workerKeys: String?
    var logs: String
    var sbatch: [String]

    init(_ arguments: inout Arguments) throws {
        isDryRun = arguments.flag("--dry-run")
        keeps = arguments.flag("--keep")
        limits.minimum = try arguments.integer("--min", 0...10_000) ?? 0
        limits.maximum = try arguments.integer("--max", 1...10_000) ?? max(1, limits.minimum)
        limits.slots = try arguments.integer("--slots", 1...4096) ?? 1
        limits.backlog = try arguments.integer("--backlog", 1...1000) ?? limits.backlog
        limits.failures = try arguments.integer("--failures", 1...1000) ?? limits.failures
        func seconds(_ name: String, _ usual: Double, _ arguments: inout Arguments) throws -> Double {
            guard let text = try arguments.value(name) else { return usual }
            do throws(QuantityError) { return Double(try Quantities.milliseconds(text)) / 1000 } catch {
                throw UsageError("\(name) is \(text); \(error.advice).")
            }
        }
        limits.idleSeconds = try seconds("--idle", limits.idleSeconds, &arguments)
        limits.joinSeconds = try seconds("--join-within", limits.joinSeconds, &arguments)
        leadSeconds = Int(try seconds("--lead", 60, &arguments))
        every = .milliseconds(Int(try seconds("--every", 5, &arguments) * 1000))
        workerProgram = try arguments.value("--worker")
        workerKeys = try arguments.value("--worker-keys").map(absolute)
        logs = absolute(try arguments.value("--logs") ?? ".")
        place = try Place.from(&arguments)
        try arguments.finish()
        sbatch = arguments.trailing
        guard limits.minimum <= limits.maximum else {
            throw UsageError("--min is \(limits.minimum) and --max \(limits.maximum); give a --max that is as large.")
        }
        guard leadSeconds <= 65_535 else { throw UsageError("--lead is more than Slurm's 65535 s; give less.") }
        guard every >= .milliseconds(100) else { throw UsageError("--every is less than 100ms; give more.") }
    }

    /// The command line of a worker on one of the machines.
    func worker(_ client: Client) throws -> [String] {
        let program = try workerProgram ?? Supervisor.programFolder() + "/apex-worker"
        var words = [program, "--slots", "\(limits.slots)", "--name", AllocLoop.workerPrefix + "$SLURM_JOB_ID"]
        words += ["--lead-seconds", "\(leadSeconds)"]
        switch place {
        case .remote(let address, let keys):
            words += ["--coordinator", address] + (address.hasPrefix("tcp://") ? ["--keys", try theirKeys(keys)] : [])
        case .local(let folder):
            let tcp = (try? client.status())?.coordinator.listen.first { $0.hasPrefix("tcp://") }
            if let tcp {
                words += ["--coordinator", tcp, "--keys", try theirKeys(folder.keys)]
            } else {
                words += ["--coordinator", folder.endpoint]
            }
        }
        return words
    }

    /// A client's key opens nothing to a worker, so theirs are in a folder of their own.
    private func theirKeys(_ ours: String) throws -> String {
        guard let workerKeys else {
            throw UsageError(
                "workers over TCP need a worker's key, which \(ours) is not; make one where the coordinator is, with "
                    + "`apex keys add-worker slurm --out FOLDER`, put FOLDER where the machines can read it, and name it "
                    + "with --worker-keys FOLDER.")
        }
        return workerKeys
    }
}

/// Looks at the cluster and at Slurm, and does what the plan says.
struct AllocLoop {
    static let workerPrefix = "slurm-"
    private let slurm: Slurm
    private let script: String
    private let options: AllocOptions
    private let client: Client
    private var plan: AllocationPlan
    private var complaint = ""
    private let began = ContinuousClock.now

    init(_ slurm: Slurm, _ script: String, _ options: AllocOptions, _ client: Client) {
        self.slurm = slurm
        self.script = script
        self.options = options
        self.client = client
        plan = AllocationPlan(options.limits)
    }

    static func seen(_ status: ClusterStatus, _ listed: [Slurm.Listed]) -> AllocationPlan.Seen {
        var seen = AllocationPlan.Seen()
        for job in status.jobs where job.state == .running { seen.tasks += Int(job.queued) + Int(job.running) }
        let ours = Set(listed.map { workerPrefix + $0.id })
        for worker in status.workers where !ours.contains(worker.name) && !worker.isDraining {
            seen.otherSlots += Int(worker.slots)
        }
        seen.allocations = listed.map { allocation in
            let worker = status.workers.first { $0.name == workerPrefix + allocation.id }
            return AllocationPlan.Allocation(
                id: allocation.id, isRunning: allocation.isRunning, held: worker.map { Int($0.held) },
                isDraining: worker?.isDraining ?? false)
        }
        return seen
    }

    mutating func turn() {
        let status: ClusterStatus
        let listed: [Slurm.Listed]
        do {
            status = try client.status()
            listed = try slurm.list()
            complaint = ""
        } catch {
            // What is not known is no reason to do anything; said once.
            if "\(error)" != complaint { complain("apex alloc: waiting: \(error)") }
            complaint = "\(error)"
            return
        }
        carryOut(plan.step(Self.seen(status, listed), at: now))
    }
    private var now: Double { (ContinuousClock.now - began) / .seconds(1) }

    private mutating func carryOut(_ actions: [AllocationPlan.Action]) {
        for action in actions {
            do throws(JobError) {
                switch action {
                case .submit(let count):
                    for _ in 0..<count {
                        let id = try slurm.submit(script, options.sbatch)
                        plan.submitted(id)
                        complain("apex alloc: submitted \(id)")
                    }
                case .cancel(let id):
                    try slurm.cancel(id)
                    complain("apex alloc: cancelled \(id)")
                case .retire(let id):
                    try slurm.retire(id)
                    complain("apex alloc: gave back \(id)")
                case .lost(let id, let why): complain("apex alloc: \(id) failed: \(why)\(lastWords(of: id))")
                case .quarantine(let seconds):
                    complain(
                        "apex alloc: quarantined: \(options.limits.failures) failures in a row; nothing is submitted for "
                            + "\(Int(seconds)) s.")
                }
            } catch {
                complain("apex alloc: \(error)")
                if case .submit = action { carryOut(plan.submissionFailed(at: now)) }
            }
        }
    }

    /// What its worker said last, where the log can be read from here.
    private func lastWords(of id: String) -> String {
        let path = "\(options.logs)/\(id).log"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let line = text.split(separator: "\n").last
        else { return "; its log would be \(path)" }
        return "; \(path) ends with: \(line.suffix(300))"
    }

    func giveAllBack() {
        guard let listed = try? slurm.list() else { return }
        for allocation in listed {
            if allocation.isRunning { try? slurm.retire(allocation.id) } else { try? slurm.cancel(allocation.id) }
        }
        if !listed.isEmpty { complain("apex alloc: gave back \(listed.count) allocations.") }
    }
}
