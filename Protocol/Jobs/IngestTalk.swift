import Messages
import Providers

// What a fetching task and its planner say to each other: every call needs a lease.
extension Ingest {
    /// A task asks for a lease, and says what became of the one before. Messages get lost and come twice, so all of this
    /// is told apart by the run's own number and counts up within it.
    package struct Ask: Wire, Equatable {
        /// Of one run of a task: another worker's run of the same task has another.
        package var run: UInt64
        package var number: UInt32
        package var units: UInt32
        package var news: News?
        /// The provider's own time in the newest answer, in milliseconds since 1970; nil: none said.
        package var date: UInt64?
        package init(run: UInt64, number: UInt32, units: UInt32, news: News?, date: UInt64? = nil) {
            self.run = run
            self.number = number
            self.units = units
            self.news = news
            self.date = date
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(run)
            writer.integer(number)
            writer.integer(units)
            writer.optional(news)
            writer.integer(date ?? .max)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                run: try reader.integer(), number: try reader.integer(), units: try reader.integer(),
                news: try reader.optional())
            let told: UInt64 = try reader.integer()
            date = told == .max ? nil : told
        }
    }

    /// How the call under the run's newest lease ended.
    package enum News: Wire, Equatable {
        /// It was never made.
        case unused
        case answered(milliseconds: UInt32, isEmpty: Bool)
        case limited(Refusal.Window, retryAfter: UInt64?)
        case keyRefused(String)
        /// Down, cut, nonsense.
        case failed(retryAfter: UInt64?)
        /// Answered, and the answer is no: the provider is well.
        case declined
        /// Nobody waited for the answer any more; the call may still arrive.
        case abandoned

        package func write(to writer: inout WireWriter) {
            func optional(_ value: UInt64?) { writer.integer(value ?? .max) }
            switch self {
            case .unused: writer.integer(UInt8(0))
            case .answered(let milliseconds, let isEmpty):
                writer.integer(UInt8(1))
                writer.integer(milliseconds)
                writer.bool(isEmpty)
            case .limited(let window, let retryAfter):
                writer.integer(UInt8(2))
                writer.integer(window.rawValue)
                optional(retryAfter)
            case .keyRefused(let words):
                writer.integer(UInt8(3))
                writer.string(words)
            case .failed(let retryAfter):
                writer.integer(UInt8(4))
                optional(retryAfter)
            case .declined: writer.integer(UInt8(5))
            case .abandoned: writer.integer(UInt8(6))
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            func optional(_ reader: inout WireReader) throws(WireError) -> UInt64? {
                let value: UInt64 = try reader.integer()
                return value == .max ? nil : value
            }
            switch try reader.integer(UInt8.self) {
            case 0: self = .unused
            case 1: self = .answered(milliseconds: try reader.integer(), isEmpty: try reader.bool())
            case 2:
                guard let window = Refusal.Window(rawValue: try reader.integer()) else { throw WireError("no window") }
                self = .limited(window, retryAfter: try optional(&reader))
            case 3: self = .keyRefused(try reader.string())
            case 4: self = .failed(retryAfter: try optional(&reader))
            case 5: self = .declined
            case 6: self = .abandoned
            case let other: throw WireError("news \(other)")
            }
        }
    }

    package struct Answer: Wire, Equatable {
        package var run: UInt64
        package var number: UInt32
        package var decision: Decision

        package enum Decision: Equatable, Sendable {
            /// One call, to be begun within so many milliseconds of the asking.
            case lease(validMilliseconds: UInt32)
            /// Ask again after so many milliseconds.
            case wait(UInt64)
            /// It will be long: end with what there is, and free the slot.
            case breakOff
            /// This provider gives nothing now: leave it. Also said unasked, when another provider was faster: then a call
            /// that is under way is given up.
            case leave(String)
        }
        package init(run: UInt64, number: UInt32, _ decision: Decision) {
            self.run = run
            self.number = number
            self.decision = decision
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(run)
            writer.integer(number)
            switch decision {
            case .lease(let valid):
                writer.integer(UInt8(0))
                writer.integer(valid)
            case .wait(let milliseconds):
                writer.integer(UInt8(1))
                writer.integer(milliseconds)
            case .leave(let words):
                writer.integer(UInt8(2))
                writer.string(words)
            case .breakOff: writer.integer(UInt8(3))
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            run = try reader.integer()
            number = try reader.integer()
            switch try reader.integer(UInt8.self) {
            case 0: decision = .lease(validMilliseconds: try reader.integer())
            case 1: decision = .wait(try reader.integer())
            case 2: decision = .leave(try reader.string())
            case 3: decision = .breakOff
            case let other: throw WireError("decision \(other)")
            }
        }
    }

    /// How long a call may take, and how long after that an unanswered one may still be on its way.
    package static let callMilliseconds: UInt64 = 60_000
    package static let straggleMilliseconds: UInt64 = 10_000
    /// How long after asking a lease may be used.
    package static let leaseMilliseconds: UInt32 = 10_000
}
