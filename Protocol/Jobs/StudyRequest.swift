import Messages

/// What people say to a study, and its answers. Those that change it carry a token drawn by who asks: the same token
/// again is the same request, so that one may be repeated after a lost answer.
package enum StudyRequest: Sendable, Equatable, Wire {
    /// So many more trials beside those already wished for.
    case run(token: UInt64, trials: UInt32)
    /// No new trials; those that run go on to their end.
    case stop(token: UInt64)
    /// The next trial takes these values; nil: the sampler chooses.
    case enqueue(token: UInt64, [Double?])
    /// A trial to be evaluated by who asks.
    case ask(token: UInt64)
    /// How a trial that was asked for ended.
    case tell(token: UInt64, trial: UInt32, Study.Result)
    /// An intermediate value of a trial that was asked for.
    case report(token: UInt64, trial: UInt32, Study.Report)
    // Questions that change nothing:
    case describe
    /// Trials from number `from` on, as many as fit one frame.
    case trials(from: UInt32)

    /// It must be remembered.
    package var changesStudy: Bool {
        switch self {
        case .describe, .trials: false
        default: true
        }
    }

    package func write(to writer: inout WireWriter) {
        switch self {
        case .run(let token, let trials):
            writer.integer(UInt8(0))
            writer.integer(token)
            writer.integer(trials)
        case .stop(let token):
            writer.integer(UInt8(1))
            writer.integer(token)
        case .enqueue(let token, let values):
            writer.integer(UInt8(2))
            writer.integer(token)
            writer.optionals(values)
        case .ask(let token):
            writer.integer(UInt8(3))
            writer.integer(token)
        case .tell(let token, let trial, let result):
            writer.integer(UInt8(4))
            writer.integer(token)
            writer.integer(trial)
            writer.value(result)
        case .report(let token, let trial, let report):
            writer.integer(UInt8(5))
            writer.integer(token)
            writer.integer(trial)
            writer.value(report)
        case .describe: writer.integer(UInt8(6))
        case .trials(let from):
            writer.integer(UInt8(7))
            writer.integer(from)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .run(token: try reader.integer(), trials: try reader.integer())
        case 1: self = .stop(token: try reader.integer())
        case 2: self = .enqueue(token: try reader.integer(), try reader.optionals())
        case 3: self = .ask(token: try reader.integer())
        case 4:
            self = .tell(token: try reader.integer(), trial: try reader.integer(), try reader.value())
        case 5:
            self = .report(token: try reader.integer(), trial: try reader.integer(), try reader.value())
        case 6: self = .describe
        case 7: self = .trials(from: try reader.integer())
        case let other: throw WireError("there is no study request \(other)")
        }
    }
}

package enum StudyReply: Sendable, Equatable, Wire {
    case done
    case refused(String)
    case trial(Study.Trial)
    /// The pruner's word on a report.
    case decision(Study.Trial.Decision)
    case trials([Study.Trial])
    case description(Study.Spec, Counts)

    package struct Counts: Sendable, Equatable, Wire {
        /// Trials wished for so far, and how those that exist stand.
        package var wanted: UInt32, waiting: UInt32, running: UInt32, complete: UInt32, pruned: UInt32, failed: UInt32
        /// Of the best complete feasible trial (single objective).
        package var best: UInt32?
        package init(
            wanted: UInt32, waiting: UInt32, running: UInt32, complete: UInt32, pruned: UInt32, failed: UInt32,
            best: UInt32?
        ) {
            self.wanted = wanted
            self.waiting = waiting
            self.running = running
            self.complete = complete
            self.pruned = pruned
            self.failed = failed
            self.best = best
        }
        package func write(to writer: inout WireWriter) {
            for number in [wanted, waiting, running, complete, pruned, failed, best ?? .max] {
                writer.integer(number)
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            wanted = try reader.integer()
            waiting = try reader.integer()
            running = try reader.integer()
            complete = try reader.integer()
            pruned = try reader.integer()
            failed = try reader.integer()
            let best: UInt32 = try reader.integer()
            self.best = best == .max ? nil : best
        }
    }

    package func write(to writer: inout WireWriter) {
        switch self {
        case .done: writer.integer(UInt8(0))
        case .refused(let reason):
            writer.integer(UInt8(1))
            writer.string(reason)
        case .trial(let trial):
            writer.integer(UInt8(2))
            writer.value(trial)
        case .decision(let decision):
            writer.integer(UInt8(3))
            writer.value(decision)
        case .trials(let trials):
            writer.integer(UInt8(4))
            writer.array(trials)
        case .description(let spec, let counts):
            writer.integer(UInt8(5))
            writer.value(spec)
            writer.value(counts)
        }
    }
    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .done
        case 1: self = .refused(try reader.string())
        case 2: self = .trial(try reader.value())
        case 3: self = .decision(try reader.value())
        case 4: self = .trials(try reader.array())
        case 5: self = .description(try reader.value(), try reader.value())
        case let other: throw WireError("there is no study reply \(other)")
        }
    }
}
