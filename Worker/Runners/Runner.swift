import Jobs
import Messages

/// The part of a job kind that lives in the worker: a task in, a result out. Pure but for the blobs it is handed and
/// the end of its slice.
package protocol Runner<Kind> {
    associatedtype Kind: JobKind
    /// - Parameter index: the task's position in its job, for array tasks that share one payload.
    static func run(_ task: Kind.Task, index: UInt32, context: RunContext) throws(JobError) -> Kind.Result
}

/// Hears what a task's program prints, while it runs.
package protocol OutputListener: AnyObject {
    func printed(_ bytes: Span<UInt8>, isError: Bool)
}

/// What a runner may see of the world. One per compute thread, never shared.
package final class RunContext {
    package let blobs: any BlobSource
    /// A budgeted task returns by itself when this says its slice is over. Always nil for other tasks.
    package var sliceEnd: ContinuousClock.Instant?
    /// The task was cancelled: its result is no longer wanted, whatever it is.
    package var isCancelled: () -> Bool
    /// Says something to the task's planner, at most `TaskMessage.maximumBytes`. It may get lost.
    package var report: ([UInt8]) -> Void = { _ in }
    /// What the planner answered to this task since the last call.
    package var answers: () -> [[UInt8]] = { [] }
    /// A descriptor that is readable when `answers` has something new, and when `isCancelled` may have changed. Only
    /// `answers` silences it. -1: nothing rings, and who waits must ask now and then.
    package var bell: Int32 = -1
    /// Passes on what the task's program prints to whoever watches. It may get lost. Nil: nobody is told.
    package var output: (any OutputListener)?
    /// The worker's name, and a folder of its own where tasks may keep files.
    package var workerName = ""
    package var folder = ""
    /// Decoded inputs, newest last: a universe is decoded once a thread, not once a task. At most 4, because a thread
    /// works on one job at a time.
    private var decoded: [(blob: BlobID, value: Any)] = []

    package init(blobs: any BlobSource, isCancelled: @escaping () -> Bool = { false }) {
        self.blobs = blobs
        self.isCancelled = isCancelled
    }

    package var sliceIsOver: Bool { isCancelled() || sliceEnd.map { ContinuousClock.now >= $0 } ?? false }

    /// The blob as `make` understands it, kept for the next task that asks for the same blob as the same type.
    package func decoded<Value>(_ blob: BlobID, make: ([UInt8]) throws(JobError) -> Value) throws(JobError) -> Value {
        for entry in decoded where entry.blob == blob { if let value = entry.value as? Value { return value } }
        let value = try make(try blobs.bytes(of: blob))
        if decoded.count == 4 { decoded.removeFirst() }
        decoded.append((blob, value))
        return value
    }
}
