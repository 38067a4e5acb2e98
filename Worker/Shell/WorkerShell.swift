import CLinux
import Glibc
import Hardware
import Messages
import Runners
import ZeroMQ

/// The worker's network thread: it owns the socket to the coordinator and passes work to the compute threads and ends of
/// work back. It decides nothing about tasks; what the coordinator must not lose is in the outbox until accepted.
package final class WorkerShell {
    /// A worker without a word from its coordinator says hello on a fresh connection after 1, 2, 4 and then every 5 s.
    private static let helloMilliseconds: ClosedRange<Int64> = 1000...5000
    /// Heartbeats without any answer before a connection counts as dead: a fresh one is there sooner than TCP's own
    /// retries, which double up to two minutes.
    private static let silentHeartbeats: Int64 = 4
    /// Small ends of tasks wait so long for others, unless the worker is about to run dry.
    private static let flushMilliseconds: Int64 = 3
    /// Messages taken at once before anything else is looked at.
    private static let receiveLimit = 1000

    /// A key refused so often in a row is not let in: several times, because a refusal is not signed, and whoever stands
    /// in the coordinator's place for a moment shall not send its workers home.
    private static let refusalsBelieved = 3
    private static let refusedMilliseconds: Int64 = 700
    /// Of a worker whose key is not let in: there is no use in starting it again. As EX_NOPERM in sysexits.h.
    private static let notAdmittedCode: Int32 = 77

    private static let unanswered = "trying on; is it running, at this address, and does it admit this worker's key?"

    private enum Phase: Equatable {
        /// Hello is to be said, or was and has not been answered; from `since` on.
        case greeting(since: Int64, isSaid: Bool)
        case joined
    }
    private enum Drain: Equatable {
        case no
        case finishing(until: Int64)
        /// What still ran was told to stop.
        case stopping(until: Int64)
    }

    private let options: WorkerOptions
    private let security: SocketOptions.Security
    private let worker: WorkerID
    private let name: String
    private let hardware: HardwareReport
    private let slots: Int
    private let queue: WorkQueue
    private let talk: Talk
    private let feed: OutputFeed
    private let wakeup: Wakeup
    private let signals: Int32
    private let blobs: BlobDesk
    private let fetcher: BlobFetcher

    /// Nil once it has left.
    private var link: Link?
    private var phase: Phase
    private var patience = helloMilliseconds.lowerBound
    private var lastHeard: Int64
    private var lastHeartbeat: Int64 = 0
    private var heartbeatMilliseconds: Int64 = 1000
    /// Number of the newest assignment message. A coordinator that restarted counts on from what our hello says.
    private var seen: UInt64 = 0
    private var outbox = Outbox()
    private var flushAt: Int64?
    private var drain = Drain.no
    private var allocation: Allocation
    private var isPaused = false
    /// The exit code of one that the coordinator does not want.
    private var refusedCode: Int32?
    /// Refusals of our key in a row, and when it is shown again: libzmq gives a refused connection up.
    private var refusals = 0
    private var showAgainAt: Int64?
    private var exitCode: Int32?

    /// - Throws: when the address or the keys are wrong, in words.
    package init(_ options: WorkerOptions) throws {
        // Before any thread: they inherit the blocked signals, and libzmq must not be interrupted by one.
        signals = apex_stop_signals()
        // Slurm's early warning, where it is asked for one.
        _ = apex_also_hear(SIGUSR1)
        let clock = Monotonic.wallMilliseconds
        allocation = Allocation(
            endsAt: Allocation.end(now: clock), lead: Int64(options.leadSeconds) * 1000, now: clock)
        Context.raiseFileLimit()
        Log.setMinimum(options.logLevel)
        self.options = options
        security = try options.security()
        wakeup = try Wakeup()
        hardware = detectHardware(measure: true)
        slots = options.slots ?? max(1, Int(hardware.usableMillicores) / 1000)
        name = options.name ?? "\(hardware.hostname)-\(getpid())"
        // The one place where chance is wanted: two workers must never be taken for one.
        worker = WorkerID(UInt64.random(in: 1...UInt64.max))
        let wakeup = wakeup
        let talk = try Talk(slots: slots) { wakeup.wake() }
        self.talk = talk
        feed = OutputFeed(slots: slots)
        queue = WorkQueue(slots: slots, ring: { talk.ring(slot: $0) }, tell: { wakeup.wake() })
        blobs = BlobDesk(cacheFolder: options.cacheFolder, cacheBytes: options.cacheMegabytes << 20) {
            wakeup.wake()
        }
        fetcher = BlobFetcher(blobs)
        link = try Link(
            options.coordinator, version: options.protocolVersion, security: security,
            descriptors: [wakeup.descriptor, signals])
        lastHeard = Monotonic.milliseconds
        phase = .greeting(since: lastHeard, isSaid: false)
    }

    /// What it ends with when the coordinator is of a version that it cannot work with: whoever starts workers need not
    /// try this one again.
    package static let unlikeExitCode: Int32 = 5

    /// Works until it is told to stop.
    /// - Returns: the exit code: 0 after a drain, 1 when the coordinator refuses this worker's version or role, 77 when
    ///   it refuses its key.
    package func run() throws -> Int32 {
        Log.info(
            "worker_started",
            [
                "worker": worker, "name": name, "slots": slots, "process": getpid(),
                "coordinator": options.coordinator,
            ])
        if let end = allocation.endsAt {
            Log.info("allocation", ["seconds_left": (end - Monotonic.wallMilliseconds) / 1000])
        }
        for complaint in try RunnerList.prepare(options.programs) { Log.warning("programs", ["reason": complaint]) }
        // What groups do not count, each process is held to, where it can be.
        Log.info("task_limits", ["control_groups": RunnerList.controlGroups])
        for slot in 0..<slots {
            ComputeThread.start(
                slot: slot, queue: queue, talk: talk, feed: feed, blobs: blobs, workerName: name,
                folder: options.folder)
        }
        _ = unsafe apex_notify("READY=1\nSTATUS=works for \(options.coordinator) as \(name)")
        while exitCode == nil {
            apex_notify_alive()
            try link!.wait(milliseconds: waitMilliseconds())
            wakeup.clear()
            try receive()
            takeSignals()
            watchAllocation()
            try keepLink()
            try flush()
            try fetch()
            try drainStep()
        }
        // What was said last still leaves: the context waits for it as long as the socket lingers.
        link = nil
        Context.shared.terminate()
        return exitCode!
    }

    private func waitMilliseconds() -> Int64 {
        let now = Monotonic.milliseconds
        var wait = min(200, heartbeatMilliseconds)
        if let flushAt { wait = min(wait, flushAt - now) }
        switch phase {
        case .greeting(_, isSaid: false): wait = min(wait, 10)
        case .greeting: break
        case .joined: wait = min(wait, lastHeartbeat + heartbeatMilliseconds - now)
        }
        if drain != .no { wait = min(wait, 20) }
        return wait
    }

    // MARK: - What comes in

    private func receive() throws(ZeroMQError) {
        for _ in 0..<Self.receiveLimit {
            let version = link!.spoken()
            guard let heard = try link!.receive() else { return }
            lastHeard = Monotonic.milliseconds
            switch heard {
            case .message(.refused) where link!.spoken() < version:
                // It is older, and cannot read what this worker said; in its own version it can.
                // On a new connection: its words to all else that this one has said would be taken for a last word.
                Log.info("older_coordinator", ["protocol": link!.spoken()])
                return try reconnect(speaking: link!.spoken())
            case .message(let message): handle(message)
            case .otherVersion(let spoken):
                refuse(
                    "the coordinator speaks version \(spoken) of the protocol, and this worker, apex-worker "
                        + "\(codeVersion), \(Frame.oldestVersion) to \(Frame.protocolVersion); install the "
                        + "coordinator's version here.", isUnlike: true)
            }
        }
    }

    private func refuse(_ reason: String, isUnlike: Bool) {
        guard refusedCode == nil else { return }
        Log.error("refused", ["reason": reason])
        leaveRefused(isUnlike ? Self.unlikeExitCode : 1)
    }

    private func handle(_ message: Outbound) {
        switch message {
        case .welcome(let coordinator, let heartbeat, let hostID, let blobFolder):
            Log.info("joined", ["coordinator": coordinator, "heartbeat_milliseconds": heartbeat])
            heartbeatMilliseconds = Int64(min(max(heartbeat, 10), 60_000))
            patience = Self.helloMilliseconds.lowerBound
            phase = .joined
            refusals = 0
            lastHeartbeat = Monotonic.milliseconds
            outbox.forgetSending()
            fetcher.reconnected()
            blobs.joined(sharedFolder: hostID == hardware.hostID && !hostID.isEmpty ? blobFolder : nil)
            if drain != .no { post(.draining(worker: worker)) }
        case .introduceYourself: phase = .greeting(since: Monotonic.milliseconds, isSaid: false)
        // An older coordinator has one word for all reasons; that it is older is the likeliest.
        case .refused(let reason): refuse(reason, isUnlike: link!.spoken() < Frame.protocolVersion)
        case .unlike(let reason): refuse(reason, isUnlike: true)
        case .assign(let number, let assignments):
            // Seen already: the same claims again would run them twice.
            guard number > seen else { return }
            seen = number
            queue.add(assignments)
        case .accepted(let numbers):
            outbox.accepted(numbers)
            setPause()
        case .cancel(let runs): queue.cancel(runs)
        case .blobChunk(let blob, let offset, let total, let bytes):
            fetcher.received(blob, offset: offset, total: total, bytes, at: lastHeard)
        case .blobMissing(let blob): fetcher.missing(blob)
        case .answers(let answers): talk.deliver(answers)
        case .reply, .enrolled: Log.warning("message_refused", ["reason": "a reply; a worker asks nothing"])
        }
    }

    private func setPause() {
        guard outbox.isFull != isPaused else { return }
        isPaused = outbox.isFull
        if isPaused { Log.warning("paused", ["reason": "results not accepted", "bytes": outbox.bytes]) }
        queue.pause(isPaused)
    }

    private func leaveRefused(_ code: Int32) {
        refusedCode = code
        queue.close()
        blobs.close()
        queue.cancelRunning()
        // Programs that run get their SIGTERM, and their grace, before this process leaves them alone.
        drain = .stopping(until: Monotonic.milliseconds + 3000)
    }

    // MARK: - The connection

    private func keepLink() throws(ZeroMQError) {
        let now = Monotonic.milliseconds
        if try isRefused(now) { return }
        switch phase {
        case .greeting(let since, isSaid: false):
            if try link!.send(hello) {
                phase = .greeting(since: now, isSaid: true)
            } else if now - since > Self.helloMilliseconds.upperBound {
                // libzmq itself keeps trying to connect; a fresh socket now and then also asks the name service anew.
                Log.warning("no_connection", ["coordinator": options.coordinator, "advice": Self.unanswered])
                try reconnect()
            }
        case .greeting(let since, isSaid: true):
            guard now - since > patience else { return }
            Log.warning("no_answer", ["coordinator": options.coordinator, "advice": Self.unanswered])
            patience = min(patience * 2, Self.helloMilliseconds.upperBound)
            try reconnect()
        case .joined:
            if now - lastHeard > heartbeatMilliseconds * Self.silentHeartbeats {
                Log.warning("coordinator_silent", ["milliseconds": now - lastHeard])
                try reconnect()
            } else if now - lastHeartbeat >= heartbeatMilliseconds {
                lastHeartbeat = now
                post(.heartbeat(worker: worker, seen: seen, held: held))
                RunnerList.tidy()
            }
        }
    }

    /// - Returns: whether our key was refused by this connection: nothing more comes of it.
    private func isRefused(_ now: Int64) throws(ZeroMQError) -> Bool {
        guard refusedCode == nil, link!.refusals() > 0 else { return false }
        if let showAgainAt {
            if now >= showAgainAt { try reconnect() }
            return true
        }
        refusals += 1
        guard refusals >= Self.refusalsBelieved else {
            showAgainAt = now + Self.refusedMilliseconds
            return true
        }
        Log.error(
            "not_admitted",
            [
                "coordinator": options.coordinator,
                "reason": "it refuses this worker's key: the key was revoked, or never let in",
                "advice": "`apex keys add-worker NAME` on the coordinator's machine prints the line to start with",
            ])
        leaveRefused(Self.notAdmittedCode)
        return true
    }

    /// - Parameter version: of the protocol; nil: ours.
    private func reconnect(speaking version: UInt16? = nil) throws(ZeroMQError) {
        link = try Link(
            options.coordinator, version: version ?? options.protocolVersion, security: security,
            descriptors: [wakeup.descriptor, signals])
        showAgainAt = nil
        lastHeard = Monotonic.milliseconds
        phase = .greeting(since: lastHeard, isSaid: false)
    }

    /// For what is said again anyway: a message that finds no connection is dropped.
    private func post(_ message: Inbound) { _ = try? link!.send(message) }

    private var held: [ClaimRun] { compressed(queue.held + outbox.held) }

    private var hello: Inbound {
        .hello(
            Inbound.Hello(
                worker: worker, name: name, codeVersion: options.codeVersion, slots: UInt32(slots), hardware: hardware,
                seen: seen, held: held))
    }

    // MARK: - What goes out

    private func flush() throws(ZeroMQError) {
        let now = Monotonic.milliseconds
        switch queue.readiness {
        case .nothing: flushAt = nil
        case .some where flushAt == nil: flushAt = now + Self.flushMilliseconds
        case .some where now < flushAt!: break
        case .some, .urgent:
            outbox.add(queue.collect())
            flushAt = nil
            setPause()
        }
        let reports = talk.takeReports()
        guard phase == .joined else { return }
        if !reports.isEmpty { post(.reports(worker: worker, reports)) }
        // Before the ends of those tasks.
        let printed = feed.take(at: now)
        if !printed.isEmpty, link!.spoken() >= 2 { post(.printed(worker: worker, printed)) }
        outbox.send(at: now) { number, outcomes in
            (try? link!.send(.outcomes(worker: worker, number: number, outcomes))) ?? false
        }
    }

    private func fetch() throws(ZeroMQError) {
        guard phase == .joined else { return }
        fetcher.ask(at: Monotonic.milliseconds) { (try? link!.send($0)) ?? false }
    }

    // MARK: - Leaving

    private func takeSignals() {
        var isOrphan = false
        if let process = options.parentProcess, drain == .no {
            // Not PR_SET_PDEATHSIG: that fires when the thread ends that started us, not the process.
            isOrphan = getppid() != process
        }
        var signal = apex_next_signal(signals)
        if signal == SIGUSR1 {
            signal = 0
            // Earlier than was known, perhaps: somebody who matters more wants the machine.
            let end = Monotonic.wallMilliseconds + allocation.lead
            allocation.endsAt = min(allocation.endsAt ?? end, end)
            if drain == .no { leaveAllocation("allocation_warned") }
        }
        if isOrphan { startDrain(because: "parent_ended", seconds: 0) }
        guard signal != 0 else { return }
        if drain != .no {
            Log.warning("stopped", ["signal": signal])
            // At once, but for the moment in which running programs are told.
            queue.cancelRunning()
            usleep(150_000)
            exit(128 + signal)
        }
        startDrain(because: "signal_\(signal)", seconds: Int64(max(0, options.drainSeconds)))
    }

    /// Looks at the clock a few times a second; and asks once more before it goes, for an end may have been put off.
    private func watchAllocation() {
        guard drain == .no, allocation.endsAt != nil else { return }
        var now = Monotonic.wallMilliseconds
        guard allocation.reason(now: now, longest: queue.longestQueued) != nil else { return }
        if let end = Allocation.end(now: now) { allocation.endsAt = end }
        now = Monotonic.wallMilliseconds
        if let reason = allocation.reason(now: now, longest: queue.longestQueued) { leaveAllocation(reason) }
    }

    /// Whatever is queued goes back and searches hand in their cursors at once; programs may finish, if they do in time,
    /// and are told to stop before the end.
    private func leaveAllocation(_ reason: String) {
        startDrain(because: reason, seconds: allocation.secondsForTasks(now: Monotonic.wallMilliseconds))
    }

    private func startDrain(because reason: String, seconds: Int64) {
        Log.info("draining", ["reason": reason, "seconds": seconds])
        _ = unsafe apex_notify("STOPPING=1")
        drain = .finishing(until: Monotonic.milliseconds + seconds * 1000)
        post(.draining(worker: worker))
        queue.close()
        blobs.close()
    }

    private func drainStep() throws(ZeroMQError) {
        let now = Monotonic.milliseconds
        if let refusedCode {
            if queue.isDone { exitCode = refusedCode }
            // Nobody takes these.
            _ = queue.collect()
        }
        switch drain {
        case .no: return
        case .finishing(let until):
            if now >= until, !queue.isDone {
                queue.cancelRunning()
                drain = .stopping(until: now + 5000)
                return
            }
            // A coordinator that does not answer is not waited for longer than for running tasks.
            guard queue.isDone, outbox.isEmpty || now >= until + 2000 else { return }
        case .stopping(let until): guard (queue.isDone && outbox.isEmpty) || now >= until else { return }
        }
        if !outbox.isEmpty { Log.warning("left_unaccepted", ["messages": outbox.count]) }
        post(.goodbye(worker: worker))
        Log.info("goodbye", ["worker": worker])
        exitCode = refusedCode ?? 0
    }
}
