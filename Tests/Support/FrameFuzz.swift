import Jobs
import Messages

/// Frames as a hostile peer would make them: samples of every message, damaged. One seed, one sequence of frames.
package struct FrameFuzz {
    private var random: SplitMix
    private let samples: [[UInt8]]
    package private(set) var accepted = 0
    package private(set) var refused = 0

    package init(seed: UInt64) {
        random = SplitMix(seed: seed)
        samples = (Frame.oldestVersion...Frame.protocolVersion).flatMap { version in
            Self.inbound.map { Frame.encode($0, version: version) }
                + Self.outbound.map { Frame.encode($0, version: version) }
        }
    }

    /// What worked on decoded and encoded frames must still be true of: nil, or what was wrong.
    package mutating func step() -> String? {
        let frame = next()
        var wrong: String?
        var isAccepted = false
        if let message = try? Frame.decode(Inbound.self, frame) {
            isAccepted = true
            if Frame.encode(message, version: Frame.version(of: frame)!) != frame {
                wrong = "inbound bytes that mean the same as others: \(frame)"
            }
        }
        if let message = try? Frame.decode(Outbound.self, frame) {
            isAccepted = true
            if Frame.encode(message, version: Frame.version(of: frame)!) != frame {
                wrong = "outbound bytes that mean the same as others: \(frame)"
            }
        }
        if isAccepted { accepted += 1 } else { refused += 1 }
        return wrong
    }

    /// The next frame.
    package mutating func next() -> [UInt8] {
        var frame = samples[Int.random(in: 0..<samples.count, using: &random)]
        for _ in 0..<Int.random(in: 1...4, using: &random) { damage(&frame) }
        return frame
    }

    private mutating func damage(_ frame: inout [UInt8]) {
        guard !frame.isEmpty else {
            frame = [UInt8(truncatingIfNeeded: random.next())]
            return
        }
        let at = Int.random(in: 0..<frame.count, using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: frame[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1: frame[at] = UInt8(truncatingIfNeeded: random.next())
        case 2: frame.removeLast(frame.count - at)
        case 3: frame.append(contentsOf: (0..<16).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        case 4:
            // The largest, the smallest and their neighbours, where a number may stand.
            let width = [1, 2, 4, 8].randomElement(using: &random)!
            let fill: UInt8 = Bool.random(using: &random) ? 0xFF : 0
            for byte in at..<min(at + width, frame.count) { frame[byte] = fill }
            if Bool.random(using: &random) { frame[min(at + width, frame.count) - 1] = 0x7F }
        case 5:
            // The end of another message.
            let other = samples[Int.random(in: 0..<samples.count, using: &random)]
            let from = Int.random(in: 0..<other.count, using: &random)
            frame = Array(frame[..<at]) + other[from...]
        case 6:
            let end = Int.random(in: at..<frame.count, using: &random)
            frame.insert(contentsOf: frame[at...end], at: at)
        case 7:
            let end = Int.random(in: at..<frame.count, using: &random)
            frame.removeSubrange(at...end)
        default:
            // The kind of message, and the kind of request or reply in it.
            let place = Bool.random(using: &random) ? 6 : 15
            if frame.count > place { frame[place] = UInt8.random(in: 0...13, using: &random) }
        }
    }

    private static let run = ClaimRun(job: JobID(1), first: 3, count: 4, epoch: 2)
    private static let worker = WorkerID(7)
    private static let printed = TaskOutput(
        run: ClaimRun(job: JobID(1), first: 3, count: 1, epoch: 2), isError: true, offset: 70, bytes: [104, 105, 10])
    private static let blob = BlobID(hash: [UInt8](repeating: 5, count: 32))!

    package static let inbound: [Inbound] = {
        var hardware = HardwareReport()
        hardware.hostname = "desk"
        hardware.gpus = ["a gpu"]
        hardware.memoryBytes = 1 << 34
        let hello = Inbound.Hello(
            worker: worker, name: "desk-7", codeVersion: codeVersion, slots: 8, hardware: hardware, seen: 3, held: [run]
        )
        let submission = Submission(
            token: 9, kind: Noop.name, spec: Noop.Spec(count: 3).wireBytes, name: "n", after: [JobID(1)],
            budgetMilliseconds: 1000)
        let requests: [Request] = [
            .submit(submission), .status, .job(JobID(1)), .cancel(JobID(1)), .pause(JobID(1)), .unpause(JobID(1)),
            .why("1.3"), .addBudget(JobID(1), milliseconds: 5, token: 6), .results(JobID(1), from: 0),
            .ledger(JobID(1), from: 0), .putBlob(blob, total: 4, offset: 0, [1, 2, 3, 4]),
            .tell(JobID(1), isKept: true, [1, 2]), .output(JobID(1), task: 3, after: 9),
            .output(JobID(1), task: nil, after: 0),
        ]
        return [
            .hello(hello), .heartbeat(worker: worker, seen: 5, held: [run, run]),
            .outcomes(
                worker: worker, number: 1,
                [TaskOutcome(run: run, end: .done(Noop.Result().wireBytes), busyMicroseconds: 10)]),
            .draining(worker: worker), .goodbye(worker: worker), .wantBlob(blob, offset: 0, count: 100),
            .reports(worker: worker, []), .enrol(key: [UInt8](repeating: 3, count: 32)),
            .printed(worker: worker, [printed]),
        ] + requests.map { .request(number: 4, $0) }
    }()
    package static let outbound: [Outbound] = [
        .welcome(coordinator: 1, heartbeatMilliseconds: 1000, hostID: "h", blobFolder: "/b"), .introduceYourself,
        .refused("no"), .accepted([1, 2, 3]), .cancel([run]), .blobChunk(blob, offset: 0, total: 3, [1, 2, 3]),
        .blobMissing(blob), .reply(number: 1, .done), .reply(number: 1, .submitted(JobID(4))),
        .reply(number: 1, .refused("why")), .reply(number: 1, .because("so")),
        .reply(number: 1, .results([TaskRecord(index: 1, succeeded: true, bytes: [1])])),
        .reply(number: 1, .blobReceived(9)), .reply(number: 1, .said([1])), .answers([]), .enrolled(name: "desk"),
        .unlike("older"), .reply(number: 1, .output([OutputPart(number: 8, output: printed)])),
    ]
}
