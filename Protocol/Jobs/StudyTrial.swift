import Messages

extension Study {
    /// A trial as everyone but its runner knows it: what is stored, listed, reported and exported.
    package struct Trial: Sendable, Equatable, Wire {
        package enum State: UInt8, Sendable, Equatable {
            // Optuna's journal numbers them so.
            case running, complete, pruned, failed, waiting
            package var isOver: Bool { self == .complete || self == .pruned || self == .failed }
            /// As Optuna's databases spell it.
            package var optunaName: String {
                switch self {
                case .running: "RUNNING"
                case .complete: "COMPLETE"
                case .pruned: "PRUNED"
                case .failed: "FAIL"
                case .waiting: "WAITING"
                }
            }
        }
        /// What the pruner said to a report.
        package struct Decision: Sendable, Equatable, Wire {
            package var step: Int64
            package var isPruned: Bool
            package var reason: String
            /// Its place in the study's one order of asks, decisions and tells.
            package var order: UInt32
            package init(step: Int64, isPruned: Bool, reason: String, order: UInt32 = 0) {
                self.step = step
                self.isPruned = isPruned
                self.reason = reason
                self.order = order
            }
            package func write(to writer: inout WireWriter) {
                writer.integer(step)
                writer.bool(isPruned)
                writer.string(reason)
                writer.integer(order)
            }
            package init(from reader: inout WireReader) throws(WireError) {
                self.init(
                    step: try reader.integer(), isPruned: try reader.bool(), reason: try reader.string(),
                    order: try reader.integer())
            }
        }
        /// From 0, in the order they were asked for.
        package var number: UInt32
        package var state: State
        /// Per parameter of the space; nil where the trial does not have it.
        package var parameters: [Double?]
        /// Values that somebody enqueued; nil where the sampler chose.
        package var fixed: [Double?]
        /// One for each direction when complete; a pruned trial's last report, if it is a number.
        package var values: [Double] = []
        package var reports: [Report] = []
        package var decisions: [Decision] = []
        package var constraints: [NamedNumber] = []
        /// What the pruner remembers with a trial (`completed_rung_0`).
        package var notes: [NamedNumber] = []
        /// Key and JSON text.
        package var attributes: [NamedText] = []
        /// Why it failed or was pruned; empty otherwise.
        package var reason = ""
        package var worker = ""
        package var attempts: UInt32 = 0
        /// Milliseconds since 1970; 0: not yet.
        package var started: UInt64 = 0, ended: UInt64 = 0
        /// Places in the study's one order of asks, decisions and tells; 0: not yet. A replay follows them.
        package var asked: UInt32 = 0, told: UInt32 = 0
        /// Where the sampler's streams stood after the suggestion.
        package var draws: [UInt64] = []
        package init(number: UInt32, state: State, parameters: [Double?], fixed: [Double?] = []) {
            self.number = number
            self.state = state
            self.parameters = parameters
            self.fixed = fixed.isEmpty ? parameters.map { _ in nil } : fixed
        }
        package var isFeasible: Bool { constraints.allSatisfy { $0.value <= 0 } }

        package func write(to writer: inout WireWriter) {
            writer.integer(number)
            writer.integer(state.rawValue)
            writer.optionals(parameters)
            writer.optionals(fixed)
            writer.doubles(values)
            writer.array(reports)
            writer.array(decisions)
            writer.array(constraints)
            writer.array(notes)
            writer.array(attributes)
            writer.string(reason)
            writer.string(worker)
            writer.integer(attempts)
            writer.integer(started)
            writer.integer(ended)
            writer.integer(asked)
            writer.integer(told)
            writer.integers(draws)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            number = try reader.integer()
            let code: UInt8 = try reader.integer()
            guard let state = State(rawValue: code) else { throw WireError("there is no trial state \(code)") }
            self.state = state
            parameters = try reader.optionals()
            fixed = try reader.optionals()
            values = try reader.doubles()
            reports = try reader.array()
            decisions = try reader.array()
            constraints = try reader.array()
            notes = try reader.array()
            attributes = try reader.array()
            reason = try reader.string()
            worker = try reader.string()
            attempts = try reader.integer()
            started = try reader.integer()
            ended = try reader.integer()
            asked = try reader.integer()
            told = try reader.integer()
            draws = try reader.integers()
        }
    }

    /// One trial to be evaluated without a cluster.
    package struct Check: Sendable, Equatable, Wire {
        package var spec: Spec
        package var values: [Double?]
        /// Of a three-stage study.
        package var stage: ThreeStages.Stage
        /// Where the trial's folder is made.
        package var folder: String
        /// What a trading algorithm works on; empty for other objectives.
        package var universe: [UInt8]
        package init(
            spec: Spec, values: [Double?], stage: ThreeStages.Stage = .coarse, folder: String, universe: [UInt8]
        ) {
            self.spec = spec
            self.values = values
            self.stage = stage
            self.folder = folder
            self.universe = universe
        }
        package func write(to writer: inout WireWriter) {
            writer.value(spec)
            writer.optionals(values)
            writer.value(stage)
            writer.string(folder)
            writer.blob(universe)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                spec: try reader.value(), values: try reader.optionals(), stage: try reader.value(),
                folder: try reader.string(), universe: try reader.blob())
        }
    }

    /// Finished trials that a study starts from.
    package struct History: Sendable, Equatable, Wire {
        package var trials: [Trial]
        package init(trials: [Trial]) { self.trials = trials }
        package func write(to writer: inout WireWriter) { writer.array(trials) }
        package init(from reader: inout WireReader) throws(WireError) { trials = try reader.array() }
    }

    /// What a study's planner publishes for `studies.sqlite` and `trials.jsonl`. The stored study is a picture of the
    /// planner: after a restart everything is published again, and whoever stores it keeps what it has.
    package enum Publication: Sendable, Equatable, Wire {
        case study(Spec)
        /// The trial as it is now: new, changed, or over for good.
        case trial(study: String, Trial)
        /// One more intermediate value of a trial, and what the pruner said.
        case report(study: String, trial: UInt32, Report, Trial.Decision?)

        package func write(to writer: inout WireWriter) {
            switch self {
            case .study(let spec):
                writer.integer(UInt8(0))
                writer.value(spec)
            case .trial(let study, let trial):
                writer.integer(UInt8(1))
                writer.string(study)
                writer.value(trial)
            case .report(let study, let trial, let report, let decision):
                writer.integer(UInt8(2))
                writer.string(study)
                writer.integer(trial)
                writer.value(report)
                writer.optional(decision)
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .study(try reader.value())
            case 1: self = .trial(study: try reader.string(), try reader.value())
            case 2:
                self = .report(
                    study: try reader.string(), trial: try reader.integer(), try reader.value(), try reader.optional())
            case let other: throw WireError("there is no publication \(other)")
            }
        }
    }
}
