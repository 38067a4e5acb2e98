/// Everything that may go wrong, by name. A seed brings some of them, each at a rate of its own.
package enum Fault: String, Sendable, CaseIterable {
    // The network.
    case loss, duplication, jitter, longDelay, partition, deafCoordinator, deafWorker, swizzleClog
    // Workers. A zombie is an older process that lives on while one of the same name has taken its place.
    case workerCrash, workerGone, workerPause, zombie, workerDrains, workerDrift, workerClockStep
    // The coordinator: a death at each side of a commit, a disk that fails or is full, a process that stands still.
    case crashBeforeCommit, unsyncedWritesLost, crashAfterSync, crashBeforeSending, crashWhileSending
    case commitError, diskFull, coordinatorStops, coordinatorPause, coordinatorDrift, wallClockStep
    // What tasks, planners and people do.
    case poisonTask, failingTask, flakyTask, plannerError, cancelRace, straggler
    // While the coordinator is away its program is replaced by one with newer code.
    case newCode
    // What strangers and broken workers say.
    case forgery, hostileFrame

    static let ofCommits: [Fault] = [
        .crashBeforeCommit, .unsyncedWritesLost, .crashAfterSync, .crashBeforeSending, .crashWhileSending, .commitError,
    ]
    static let ofCoordinator: [Fault] = [.diskFull, .coordinatorPause, .coordinatorStops]
    static let ofWorkers: [Fault] = [
        .partition, .deafCoordinator, .deafWorker, .swizzleClog, .workerCrash, .workerGone, .workerPause, .zombie,
        .workerDrains, .workerClockStep,
    ]
}

/// Which faults a seed brings, and how much of each.
package struct FaultMix: Sendable {
    /// In thousandths of all messages.
    package private(set) var loss = 0, duplication = 0, longDelay = 0
    package private(set) var delayMilliseconds: UInt64 = 2
    package private(set) var longDelayMilliseconds: UInt64 = 5000
    /// In ten-thousandths of a batch.
    package private(set) var coordinatorFaults = 0
    /// Mean milliseconds between faults of one worker of the whole cluster; 0: none.
    package private(set) var workerFaultEvery: UInt64 = 0
    private(set) var ofCommits: [Fault] = []
    private(set) var ofWorkers: [Fault] = []
    private var allowed: Set<Fault> = []  // looked up, never iterated
    /// Only tasks kill workers, and only the coordinator dies besides: each death can be counted.
    package private(set) var countsDeaths = true
    /// Nothing fails but what tasks do themselves.
    package private(set) var isCalm = true

    /// - Parameter without: faults that are left out, to see whether a failure needs them.
    package init(seed: UInt64, without: Set<Fault> = []) {
        var random = SplitMix(seed: seed ^ 0xFA17)
        var allowed: Set<Fault> = [.poisonTask, .failingTask, .flakyTask, .plannerError, .cancelRace]
        if seed % 4 != 0 {
            isCalm = false
            for fault in Fault.allCases where random.next() % 2 == 0 { allowed.insert(fault) }
            countsDeaths = seed % 16 == 7
            if countsDeaths { allowed = allowed.filter { Self.leavesDeathsCounted($0) } }
        }
        var apart = SplitMix(seed: seed ^ 0x57A6)
        if apart.next() % 2 == 0 { allowed.insert(.straggler) } else { allowed.remove(.straggler) }
        // Drawn whether or not they are wanted, so that leaving one out changes nothing else of the mix.
        let rates = (
            loss: [10, 100, 300].randomElement(using: &random)!, duplication: [50, 300].randomElement(using: &random)!,
            longDelay: [10, 50].randomElement(using: &random)!, delay: [5, 50, 400].randomElement(using: &random)!,
            long: [5000, 60_000, 600_000].randomElement(using: &random)!,
            commits: [5, 40, 200].randomElement(using: &random)!,
            workers: [500, 3000, 20_000].randomElement(using: &random)!
        )
        allowed.subtract(without)
        self.allowed = allowed
        guard !isCalm else { return }
        if allows(.loss) { loss = rates.loss }
        if allows(.duplication) { duplication = rates.duplication }
        if allows(.longDelay) { (longDelay, longDelayMilliseconds) = (rates.longDelay, UInt64(rates.long)) }
        if allows(.jitter) { delayMilliseconds = UInt64(rates.delay) }
        ofCommits = Fault.ofCommits.filter { allowed.contains($0) }
        ofWorkers = Fault.ofWorkers.filter { allowed.contains($0) }
        if !ofCommits.isEmpty { coordinatorFaults = rates.commits }
        if !ofWorkers.isEmpty { workerFaultEvery = UInt64(rates.workers) }
    }

    private static func leavesDeathsCounted(_ fault: Fault) -> Bool {
        switch fault {
        case .poisonTask, .failingTask, .flakyTask, .plannerError, .straggler, .newCode, .jitter, .coordinatorStops,
            .diskFull:
            true
        default: Fault.ofCommits.contains(fault)
        }
    }

    package func allows(_ fault: Fault) -> Bool { allowed.contains(fault) }
}
