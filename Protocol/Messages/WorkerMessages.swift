/// Worker or client → coordinator.
package enum Inbound: Sendable, Equatable, Wire {
    /// The first message of a connection, and the answer to `introduceYourself`.
    case hello(Hello)
    /// Every `heartbeatMilliseconds`. `held` are all claims queued, running or finished but not yet acknowledged;
    /// `seen` is the number of the newest assignment message received. A claim sent at or before `seen` that is
    /// neither held nor answered got lost on the way.
    case heartbeat(worker: WorkerID, seen: UInt64, held: [ClaimRun])
    /// Ends of tasks, numbered by the worker; repeated until `accepted` names the number.
    case outcomes(worker: WorkerID, number: UInt64, [TaskOutcome])
    /// No more claims, please: the worker is draining and leaves when it has handed in what it holds.
    case draining(worker: WorkerID)
    /// The worker has nothing left and goes.
    case goodbye(worker: WorkerID)
    /// Bytes of a blob, please: at most `Blobs` chunk size.
    case wantBlob(BlobID, offset: UInt64, count: UInt32)
    /// A person's or a program's question; `number` comes back with the reply.
    case request(number: UInt64, Request)
    /// What running tasks say to their planner, at most `TaskMessage.maximumBytes` each. May get lost: a task's result
    /// says everything again.
    case reports(worker: WorkerID, [TaskMessage])
    /// From the holder of a join line's token: let this public key in instead, 32 bytes of a pair that the sender made.
    case enrol(key: [UInt8])
    /// What running tasks' programs print. May get lost. From version 2 on.
    case printed(worker: WorkerID, [TaskOutput])

    package struct Hello: Sendable, Equatable, Wire {
        package var worker: WorkerID
        package var name: String
        /// Of the program: tasks of two versions do not mix.
        package var codeVersion: String
        /// Tasks it runs at once.
        package var slots: UInt32
        package var hardware: HardwareReport
        package var seen: UInt64
        package var held: [ClaimRun]
        package init(
            worker: WorkerID, name: String, codeVersion: String, slots: UInt32, hardware: HardwareReport, seen: UInt64,
            held: [ClaimRun]
        ) {
            self.worker = worker
            self.name = name
            self.codeVersion = codeVersion
            self.slots = slots
            self.hardware = hardware
            self.seen = seen
            self.held = held
        }
        package func write(to writer: inout WireWriter) {
            writer.value(worker)
            writer.string(name)
            writer.string(codeVersion)
            writer.integer(slots)
            writer.value(hardware)
            writer.integer(seen)
            writer.array(held)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            worker = try reader.value()
            name = try reader.string()
            codeVersion = try reader.string()
            slots = try reader.integer()
            hardware = try reader.value()
            seen = try reader.integer()
            held = try reader.array()
        }
    }

    package func write(to writer: inout WireWriter) {
        switch self {
        case .hello(let hello):
            writer.integer(UInt8(0))
            writer.value(hello)
        case .heartbeat(let worker, let seen, let held):
            writer.integer(UInt8(1))
            writer.value(worker)
            writer.integer(seen)
            writer.array(held)
        case .outcomes(let worker, let number, let outcomes):
            writer.integer(UInt8(2))
            writer.value(worker)
            writer.integer(number)
            writer.array(outcomes)
        case .draining(let worker):
            writer.integer(UInt8(3))
            writer.value(worker)
        case .goodbye(let worker):
            writer.integer(UInt8(4))
            writer.value(worker)
        case .wantBlob(let blob, let offset, let count):
            writer.integer(UInt8(5))
            writer.value(blob)
            writer.integer(offset)
            writer.integer(count)
        case .request(let number, let request):
            writer.integer(UInt8(6))
            writer.integer(number)
            writer.value(request)
        case .reports(let worker, let reports):
            writer.integer(UInt8(7))
            writer.value(worker)
            writer.array(reports)
        case .enrol(let key):
            writer.integer(UInt8(8))
            writer.raw(key)
        case .printed(let worker, let parts):
            writer.integer(UInt8(9))
            writer.value(worker)
            writer.array(parts)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .hello(try reader.value())
        case 1:
            self = .heartbeat(worker: try reader.value(), seen: try reader.integer(), held: try reader.array())
        case 2:
            self = .outcomes(worker: try reader.value(), number: try reader.integer(), try reader.array())
        case 3: self = .draining(worker: try reader.value())
        case 4: self = .goodbye(worker: try reader.value())
        case 5:
            self = .wantBlob(try reader.value(), offset: try reader.integer(), count: try reader.integer())
        case 6: self = .request(number: try reader.integer(), try reader.value())
        case 7: self = .reports(worker: try reader.value(), try reader.array())
        case 8: self = .enrol(key: try reader.raw(32))
        case 9: self = .printed(worker: try reader.value(), try reader.array())
        case let other: throw WireError("there is no message \(other)")
        }
    }
}

/// Coordinator → worker or client.
package enum Outbound: Sendable, Equatable, Wire {
    /// The answer to `hello`. `coordinator` changes when the coordinator restarts. `blobFolder` is where blobs lie on
    /// `hostID`; a worker on that host maps them there.
    indirect case welcome(coordinator: UInt64, heartbeatMilliseconds: UInt32, hostID: String, blobFolder: String)
    /// The coordinator does not know this connection: say hello, with everything you hold.
    case introduceYourself
    /// The coordinator will not work with this peer; the reason is for a person.
    case refused(String)
    case assign(number: UInt64, [Assignment])
    /// These outcome messages are stored for good.
    case accepted([UInt64])
    /// Stop these and hand them back; their results are no longer wanted.
    case cancel([ClaimRun])
    /// Bytes of a blob from `offset`; `total` is its whole size.
    indirect case blobChunk(BlobID, offset: UInt64, total: UInt64, [UInt8])
    case blobMissing(BlobID)
    case reply(number: UInt64, Reply)
    /// What planners answer to running tasks. May get lost: who needs an answer reports again.
    case answers([TaskMessage])
    /// The key is let in from now on, under this name; the token is used up.
    case enrolled(name: String)
    /// As `refused`, because one of both is older than the other serves. From version 2 on; older peers are refused.
    case unlike(String)

    package func write(to writer: inout WireWriter) {
        switch self {
        case .welcome(let coordinator, let heartbeat, let hostID, let folder):
            writer.integer(UInt8(0))
            writer.integer(coordinator)
            writer.integer(heartbeat)
            writer.string(hostID)
            writer.string(folder)
        case .introduceYourself: writer.integer(UInt8(1))
        case .refused(let reason):
            writer.integer(UInt8(2))
            writer.string(reason)
        case .assign(let number, let assignments):
            writer.integer(UInt8(3))
            writer.integer(number)
            writer.array(assignments)
        case .accepted(let numbers):
            writer.integer(UInt8(4))
            writer.integers(numbers)
        case .cancel(let runs):
            writer.integer(UInt8(5))
            writer.array(runs)
        case .blobChunk(let blob, let offset, let total, let bytes):
            writer.integer(UInt8(6))
            writer.value(blob)
            writer.integer(offset)
            writer.integer(total)
            writer.blob(bytes)
        case .blobMissing(let blob):
            writer.integer(UInt8(7))
            writer.value(blob)
        case .reply(let number, let reply):
            writer.integer(UInt8(8))
            writer.integer(number)
            writer.value(reply)
        case .answers(let answers):
            writer.integer(UInt8(9))
            writer.array(answers)
        case .enrolled(let name):
            writer.integer(UInt8(10))
            writer.string(name)
        case .unlike(let reason):
            writer.integer(UInt8(11))
            writer.string(reason)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0:
            self = .welcome(
                coordinator: try reader.integer(), heartbeatMilliseconds: try reader.integer(),
                hostID: try reader.string(), blobFolder: try reader.string())
        case 1: self = .introduceYourself
        case 2: self = .refused(try reader.string())
        case 3: self = .assign(number: try reader.integer(), try reader.array())
        case 4: self = .accepted(try reader.integers())
        case 5: self = .cancel(try reader.array())
        case 6:
            self = .blobChunk(
                try reader.value(), offset: try reader.integer(), total: try reader.integer(), try reader.blob())
        case 7: self = .blobMissing(try reader.value())
        case 8: self = .reply(number: try reader.integer(), try reader.value())
        case 9: self = .answers(try reader.array())
        case 10: self = .enrolled(name: try reader.string())
        case 11: self = .unlike(try reader.string())
        case let other: throw WireError("there is no message \(other)")
        }
    }
}
