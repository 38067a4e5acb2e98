/// Consecutive tasks of one job handed out together, with one epoch. Runs, not single tasks, travel and are stored:
/// a million no-op tasks are a few thousand runs.
package struct ClaimRun: Hashable, Sendable, Wire, CustomStringConvertible {
    package var job: JobID
    package var first: UInt32
    package var count: UInt32
    package var epoch: Epoch
    package init(job: JobID, first: UInt32, count: UInt32, epoch: Epoch) {
        self.job = job
        self.first = first
        self.count = count
        self.epoch = epoch
    }
    package var indices: Range<UInt32> { first..<first + count }
    package var description: String {
        count == 1 ? "\(job).\(first)#\(epoch)" : "\(job).\(first)…\(first + count - 1)#\(epoch)"
    }
    package func write(to writer: inout WireWriter) {
        writer.value(job)
        for number in [first, count, epoch] { writer.integer(number) }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        job = try reader.value()
        first = try reader.integer()
        count = try reader.integer()
        epoch = try reader.integer()
        guard count > 0, first.addingReportingOverflow(count).overflow == false else {
            throw WireError("a run of \(count) tasks from \(first)")
        }
    }
}

/// A run of tasks as a worker receives it.
package struct Assignment: Sendable, Equatable, Wire {
    package var run: ClaimRun
    package var kind: String
    /// The task's bytes; shared by the whole run when it is longer than one.
    package var payload: [UInt8]
    /// Wall-clock milliseconds the task may use before it must return its cursor; 0: until it is done.
    package var sliceMilliseconds: UInt32
    package init(run: ClaimRun, kind: String, payload: [UInt8], sliceMilliseconds: UInt32 = 0) {
        self.run = run
        self.kind = kind
        self.payload = payload
        self.sliceMilliseconds = sliceMilliseconds
    }
    package func write(to writer: inout WireWriter) {
        writer.value(run)
        writer.string(kind)
        writer.blob(payload)
        writer.integer(sliceMilliseconds)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        run = try reader.value()
        kind = try reader.string()
        payload = try reader.blob()
        sliceMilliseconds = try reader.integer()
    }
}

/// How a run of tasks ended at a worker.
package struct TaskOutcome: Sendable, Equatable, Wire {
    package enum End: Sendable, Equatable {
        /// The result's bytes, the same for every task of the run.
        case done([UInt8])
        /// The task itself failed, in words for its owner.
        case failed(String)
        /// Not started, or stopped on request; nothing is known against the task.
        case returned
    }
    package var run: ClaimRun
    package var end: End
    /// Wall-clock time the run kept its slot, in microseconds.
    package var busyMicroseconds: UInt64
    package init(run: ClaimRun, end: End, busyMicroseconds: UInt64) {
        self.run = run
        self.end = end
        self.busyMicroseconds = busyMicroseconds
    }
    package func write(to writer: inout WireWriter) {
        writer.value(run)
        writer.integer(busyMicroseconds)
        switch end {
        case .done(let bytes):
            writer.integer(UInt8(0))
            writer.blob(bytes)
        case .failed(let reason):
            writer.integer(UInt8(1))
            writer.string(reason)
        case .returned: writer.integer(UInt8(2))
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        run = try reader.value()
        busyMicroseconds = try reader.integer()
        switch try reader.integer(UInt8.self) {
        case 0: end = .done(try reader.blob())
        case 1: end = .failed(try reader.string())
        case 2: end = .returned
        case let other: throw WireError("\(other) is no way for a task to end")
        }
    }
}

/// What a running task and its planner say to each other, in bytes of their kind.
package struct TaskMessage: Sendable, Equatable, Wire {
    /// A longer one is dropped: messages are for numbers, not for data.
    package static let maximumBytes = 64 << 10
    /// One task.
    package var run: ClaimRun
    package var bytes: [UInt8]
    package init(run: ClaimRun, bytes: [UInt8]) {
        self.run = run
        self.bytes = bytes
    }
    package func write(to writer: inout WireWriter) {
        writer.value(run)
        writer.blob(bytes)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        run = try reader.value()
        bytes = try reader.blob()
        guard run.count == 1 else { throw WireError("a message of \(run.count) tasks") }
        guard bytes.count <= Self.maximumBytes else { throw WireError("a message of \(bytes.count) bytes") }
    }
}
