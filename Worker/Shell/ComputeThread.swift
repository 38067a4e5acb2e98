import Glibc
import Messages
import Runners

/// One slot: takes tasks from the queue and calls their runners, for as long as the process lives.
final class ComputeThread: OutputListener {
    /// Longer than this in one sitting, and the rest of a run goes back for whoever is free: tasks of a run need not
    /// be alike.
    private static let sittingNanoseconds: Int64 = 20_000_000
    /// Results kept in one sitting before they are handed in.
    private static let sittingBytes = 1 << 20
    /// What fits in one frame beside its other fields.
    private static let maximumResultBytes = Frame.maximumBytes - (64 << 10)
    private static let stackBytes = 16 << 20

    private let slot: Int
    private let queue: WorkQueue
    private let flag: WorkQueue.Flag
    private let talk: Talk
    private let feed: OutputFeed
    private let blobs: any BlobSource
    private let workerName: String
    private let folder: String
    /// The task that runs now printed something.
    private var hasPrinted = false
    private var current: UInt32 = 0
    /// What `current` is a task of.
    private var taken: ClaimRun?
    /// The payload decoded last: chunks of one run mostly follow one another.
    private var prepared: (kind: String, payload: [UInt8], run: ErasedRunner.Run)?

    private init(
        slot: Int, queue: WorkQueue, talk: Talk, feed: OutputFeed, blobs: any BlobSource, workerName: String,
        folder: String
    ) {
        self.feed = feed
        self.slot = slot
        self.queue = queue
        self.talk = talk
        flag = queue.flags[slot]
        self.blobs = blobs
        self.workerName = workerName
        self.folder = folder
    }

    /// Starts the thread of one slot.
    /// - Parameter folder: where tasks may keep files.
    static func start(
        slot: Int, queue: WorkQueue, talk: Talk, feed: OutputFeed, blobs: any BlobSource & Sendable,
        workerName: String, folder: String
    ) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        var thread = pthread_t()
        let body = unsafe Unmanaged.passRetained(
            Body {
                ComputeThread(
                    slot: slot, queue: queue, talk: talk, feed: feed, blobs: blobs, workerName: workerName,
                    folder: folder
                ).loop()
            })
        let failure = unsafe pthread_create(
            &thread, &attributes,
            { pointer in
                unsafe Unmanaged<Body>.fromOpaque(pointer!).takeRetainedValue().run()
                return nil
            }, unsafe body.toOpaque())
        unsafe pthread_attr_destroy(&attributes)
        precondition(failure == 0, "the system gives no thread for slot \(slot); run fewer slots")
        pthread_detach(thread)
    }

    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private func loop() {
        let context = RunContext(blobs: blobs)
        context.isCancelled = { [unowned self, unowned context] in
            // Asked on this thread only, so the slice may be cut short here: what a slice computed is kept, unlike what
            // a cancelled task did.
            if context.sliceEnd != nil, queue.isLeaving.load(ordering: .acquiring) { context.sliceEnd = .now }
            return flag.isRaised.load(ordering: .acquiring) && queue.isCancelled(slot: slot, index: current)
        }
        context.report = { [unowned self] bytes in
            if let task { talk.report(slot: slot, task, bytes) }
        }
        context.answers = { [unowned self] in task.map { talk.answers(slot: slot, $0) } ?? [] }
        context.bell = talk.bell(slot: slot)
        context.output = self
        context.workerName = workerName
        context.folder = folder
        while true { sit(queue.take(slot: slot), context) }
    }

    /// The claim of the task that runs now.
    private var task: ClaimRun? {
        taken.map { ClaimRun(job: $0.job, first: current, count: 1, epoch: $0.epoch) }
    }

    /// Works on one part of a run.
    private func sit(_ taken: Assignment, _ context: RunContext) {
        self.taken = taken.run
        var outcomes: [TaskOutcome] = []
        let started = Monotonic.nanoseconds
        var now = started
        var runStarted = started
        var keptBytes = 0
        var index = taken.run.first
        while index < taken.run.end {
            current = index
            let taskStarted = now
            let end = run(taken, index: index, context)
            if hasPrinted {
                hasPrinted = false
                feed.ended(slot: slot, isKept: end.isDone)
            }
            now = Monotonic.nanoseconds
            if let last = outcomes.last, last.end == end {
                outcomes[outcomes.count - 1].run.count += 1
                outcomes[outcomes.count - 1].busyMicroseconds = UInt64((now - runStarted) / 1000)
            } else {
                runStarted = taskStarted
                let run = ClaimRun(job: taken.run.job, first: index, count: 1, epoch: taken.run.epoch)
                outcomes.append(TaskOutcome(run: run, end: end, busyMicroseconds: UInt64((now - taskStarted) / 1000)))
                keptBytes += outcomes[outcomes.count - 1].wireSize
            }
            index += 1
            if now - started > Self.sittingNanoseconds || keptBytes > Self.sittingBytes { break }
        }
        var rest: Assignment?
        if index < taken.run.end {
            rest = taken
            rest!.run.first = index
            rest!.run.count = taken.run.end - index
        }
        queue.finish(
            slot: slot, outcomes, rest: rest, tasks: index - taken.run.first, nanoseconds: now - started)
    }

    private func run(_ taken: Assignment, index: UInt32, _ context: RunContext) -> TaskOutcome.End {
        if context.isCancelled() { return .returned }
        context.sliceEnd =
            taken.sliceMilliseconds == 0
            ? nil : ContinuousClock.now + .milliseconds(Int64(taken.sliceMilliseconds))
        do throws(JobError) {
            let result = try prepare(taken)(index, context)
            if context.isCancelled() { return .returned }
            guard result.count <= Self.maximumResultBytes else {
                return .failed(
                    "a result of \(result.count) bytes; a message carries at most \(Self.maximumResultBytes): "
                        + "make the tasks smaller.")
            }
            return .done(result)
        } catch {
            return context.isCancelled() ? .returned : .failed(error.description)
        }
    }

    func printed(_ bytes: Span<UInt8>, isError: Bool) {
        guard bytes.count > 0, let task else { return }
        hasPrinted = true
        feed.printed(slot: slot, task, bytes, isError: isError)
    }

    private func prepare(_ taken: Assignment) throws(JobError) -> ErasedRunner.Run {
        if let prepared, prepared.kind == taken.kind, prepared.payload == taken.payload { return prepared.run }
        let run = try RunnerList.runner(of: taken.kind).prepare(taken.payload)
        prepared = (taken.kind, taken.payload, run)
        return run
    }
}

extension TaskOutcome.End {
    fileprivate var isDone: Bool { if case .done = self { true } else { false } }
}
