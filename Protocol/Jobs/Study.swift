import Messages

/// A hyper-parameter search: trials suggested by a sampler in the coordinator, objectives evaluated by workers.
///
/// A study is one job for its whole life. Between runs it rests; people speak to it by `StudyRequest`.
package enum Study: JobKind {
    package static let name = "study"
    package static let codeVersion: UInt32 = 1
    /// Trials report while they run, and programs do whatever they do.
    package static let isRepeatable = false
    package static let isReusable = false

    package enum Direction: UInt8, Sendable, Equatable {
        case minimize, maximize
        package var name: String { "\(self)" }
    }

    package struct Spec: Sendable, Equatable, Wire {
        package var name: String
        package var parameters: [StudyParameter]
        /// One for each value of a trial; pruning needs exactly one.
        package var directions: [Direction]
        package var objective: Objective
        /// As `--sampler` and `--pruner` take them: a name, and options after a colon.
        package var sampler: String
        package var pruner: String
        package var seed: UInt32
        /// Trials asked for and not told, at most; those that workers do not run yet wait there, so that no slot does.
        package var parallel: UInt32
        /// A virtual order: trial n is asked when all before n − `parallel` are told, in order of number, whatever
        /// order their results come in.
        package var isReproducible: Bool
        /// How often a failed objective is tried again, as the same trial.
        package var retries: UInt32
        /// Wall-clock milliseconds after which `run` starts no trial; 0: no limit.
        package var timeoutMilliseconds: UInt64 = 0
        /// Trials that the first `run` asks for when it is not told how many; 0: it must be told.
        package var trials: UInt32 = 0
        /// Coarse search, refinement and confirmation instead of one search.
        package var stages: ThreeStages?
        /// Trials from elsewhere, as `StudyHistory`.
        package var history: BlobID?
        /// Which of all studies of this name it is: drawn at random when it is made; 0: nobody drew one.
        package var made: UInt64 = 0
        package init(
            name: String, parameters: [StudyParameter], directions: [Direction] = [.minimize], objective: Objective,
            sampler: String = "tpe", pruner: String = "median", seed: UInt32 = 0, parallel: UInt32 = 1,
            isReproducible: Bool = false, retries: UInt32 = 0, history: BlobID? = nil
        ) {
            self.name = name
            self.parameters = parameters
            self.directions = directions
            self.objective = objective
            self.sampler = sampler
            self.pruner = pruner
            self.seed = seed
            self.parallel = parallel
            self.isReproducible = isReproducible
            self.retries = retries
            self.history = history
        }
        package func write(to writer: inout WireWriter) {
            writer.string(name)
            writer.array(parameters)
            writer.integers(directions.map(\.rawValue))
            writer.value(objective)
            writer.string(sampler)
            writer.string(pruner)
            writer.integer(seed)
            writer.integer(parallel)
            writer.bool(isReproducible)
            writer.integer(retries)
            writer.integer(timeoutMilliseconds)
            writer.integer(trials)
            writer.optional(stages)
            writer.optional(history)
            writer.integer(made)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            name = try reader.string()
            parameters = try reader.array()
            let codes: [UInt8] = try reader.integers()
            directions = codes.compactMap { Direction(rawValue: $0) }
            guard directions.count == codes.count else { throw WireError("a direction that is neither way") }
            objective = try reader.value()
            sampler = try reader.string()
            pruner = try reader.string()
            seed = try reader.integer()
            parallel = try reader.integer()
            isReproducible = try reader.bool()
            retries = try reader.integer()
            timeoutMilliseconds = try reader.integer()
            trials = try reader.integer()
            stages = try reader.optional()
            history = try reader.optional()
            made = try reader.integer()
        }
    }

    /// One attempt at one trial.
    package struct Task: Sendable, Equatable, Wire {
        package var study: String
        /// As its study's.
        package var made: UInt64
        package var trial: UInt32
        /// 0 at first; raised with every retry after a failure.
        package var attempt: UInt32
        package var parameters: [StudyParameter]
        /// Per parameter; nil where the trial does not have it.
        package var values: [Double?]
        package var objective: Objective
        /// How many values a complete trial has.
        package var objectives: UInt32
        package var seed: UInt32
        /// Where the sampler's streams stood after the suggestion: a restart goes on from there.
        package var draws: [UInt64]
        /// Values drawn together with these for parameters that the trial does not have; empty when there are none.
        package var unused: [Double?]
        /// Where and on what it is evaluated, in a three-stage study.
        package var stage: ThreeStages.Part?
        package init(
            study: String, made: UInt64 = 0, trial: UInt32, attempt: UInt32, parameters: [StudyParameter],
            values: [Double?], objective: Objective, objectives: UInt32, seed: UInt32, draws: [UInt64] = [],
            unused: [Double?] = [], stage: ThreeStages.Part? = nil
        ) {
            self.stage = stage
            self.study = study
            self.made = made
            self.trial = trial
            self.attempt = attempt
            self.parameters = parameters
            self.values = values
            self.objective = objective
            self.objectives = objectives
            self.seed = seed
            self.draws = draws
            self.unused = unused
        }
        package func write(to writer: inout WireWriter) {
            writer.string(study)
            writer.integer(made)
            writer.integer(trial)
            writer.integer(attempt)
            writer.array(parameters)
            writer.optionals(values)
            writer.value(objective)
            writer.integer(objectives)
            writer.integer(seed)
            writer.integers(draws)
            writer.optionals(unused)
            writer.optional(stage)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            study = try reader.string()
            made = try reader.integer()
            trial = try reader.integer()
            attempt = try reader.integer()
            parameters = try reader.array()
            values = try reader.optionals()
            objective = try reader.value()
            objectives = try reader.integer()
            seed = try reader.integer()
            draws = try reader.integers()
            unused = try reader.optionals()
            stage = try reader.optional()
        }
    }

    /// How an attempt ended. An objective that fails is a result, not a failed task: the study goes on.
    package struct Result: Sendable, Equatable, Wire {
        package enum End: Sendable, Equatable {
            /// One value for each direction.
            case complete([Double])
            /// It stopped itself, or was told to.
            case pruned
            /// In words for the study's owner; `mayRetry` is false where a second try would end alike (a timeout).
            case failed(String, mayRetry: Bool)
        }
        package var end: End
        /// All of them, in the order they were made, whether or not the coordinator heard them live.
        package var reports: [Report]
        package var constraints: [NamedNumber]
        /// Key and JSON text.
        package var attributes: [NamedText]
        /// Milliseconds since 1970, on the worker's clock.
        package var started: UInt64, ended: UInt64
        package var worker: String
        /// The last of what the program printed, at most 4 KiB each; all of it lies in the trial's folder.
        package var output: [UInt8], errorOutput: [UInt8]
        package init(
            end: End, reports: [Report] = [], constraints: [NamedNumber] = [], attributes: [NamedText] = [],
            started: UInt64, ended: UInt64, worker: String, output: [UInt8] = [], errorOutput: [UInt8] = []
        ) {
            self.end = end
            self.reports = reports
            self.constraints = constraints
            self.attributes = attributes
            self.started = started
            self.ended = ended
            self.worker = worker
            self.output = output
            self.errorOutput = errorOutput
        }
        package func write(to writer: inout WireWriter) {
            switch end {
            case .complete(let values):
                writer.integer(UInt8(0))
                writer.doubles(values)
            case .pruned: writer.integer(UInt8(1))
            case .failed(let reason, let mayRetry):
                writer.integer(UInt8(2))
                writer.string(reason)
                writer.bool(mayRetry)
            }
            writer.array(reports)
            writer.array(constraints)
            writer.array(attributes)
            writer.integer(started)
            writer.integer(ended)
            writer.string(worker)
            writer.blob(output)
            writer.blob(errorOutput)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: end = .complete(try reader.doubles())
            case 1: end = .pruned
            case 2: end = .failed(try reader.string(), mayRetry: try reader.bool())
            case let other: throw WireError("\(other) is no way for an objective to end")
            }
            reports = try reader.array()
            constraints = try reader.array()
            attributes = try reader.array()
            started = try reader.integer()
            ended = try reader.integer()
            worker = try reader.string()
            output = try reader.blob()
            errorOutput = try reader.blob()
        }
    }

    /// An intermediate value.
    package struct Report: Sendable, Equatable, Wire {
        package var step: Int64
        /// May be NaN or infinite.
        package var value: Double
        package init(step: Int64, value: Double) {
            self.step = step
            self.value = value
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(step)
            writer.double(value)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(step: try reader.integer(), value: try reader.double())
        }
    }
    package struct NamedNumber: Sendable, Equatable, Wire {
        package var name: String
        package var value: Double
        package init(_ name: String, _ value: Double) {
            self.name = name
            self.value = value
        }
        package func write(to writer: inout WireWriter) {
            writer.string(name)
            writer.double(value)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(try reader.string(), try reader.double())
        }
    }
    package struct NamedText: Sendable, Hashable, Wire {
        package var name: String, text: String
        package init(_ name: String, _ text: String) {
            self.name = name
            self.text = text
        }
        package func write(to writer: inout WireWriter) {
            writer.string(name)
            writer.string(text)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(try reader.string(), try reader.string())
        }
    }
}
