import Messages

extension Study {
    /// What is evaluated.
    package enum Objective: Sendable, Equatable, Wire {
        /// Any program; see README, "Any command is an objective".
        case command(Program)
        /// One of `TestFunctions`, by name.
        case function(String)
        /// A trading algorithm of the weekend, by name, on the days of a universe: its stability score. With
        /// stages the blob is `StrategyBars`, and it trades them.
        case algorithm(String, universe: BlobID)
        /// Nothing runs: trials are asked for and told from outside.
        case external

        package func write(to writer: inout WireWriter) {
            switch self {
            case .command(let program):
                // Without bounds in the form that studies made before there were any have.
                writer.integer(program.bounds == Program.Bounds() ? UInt8(0) : 4)
                writer.value(program)
                if program.bounds != Program.Bounds() { writer.value(program.bounds) }
            case .function(let name):
                writer.integer(UInt8(1))
                writer.string(name)
            case .algorithm(let name, let universe):
                writer.integer(UInt8(2))
                writer.string(name)
                writer.value(universe)
            case .external: writer.integer(UInt8(3))
            }
        }
        package init(from reader: inout WireReader) throws(WireError) {
            switch try reader.integer(UInt8.self) {
            case 0: self = .command(try reader.value())
            case 1: self = .function(try reader.string())
            case 2: self = .algorithm(try reader.string(), universe: try reader.value())
            case 3: self = .external
            case 4:
                var program: Program = try reader.value()
                program.bounds = try reader.value()
                guard program.bounds != Program.Bounds() else { throw WireError("bounds that bound nothing") }
                self = .command(program)
            case let other: throw WireError("\(other) is no kind of objective")
            }
        }
    }

    package struct Program: Sendable, Equatable, Wire {
        /// Program and arguments, with `{name}`, `{trial.number}`, `{trial.dir}`, `{params.json}` to be replaced.
        package var words: [String]
        /// Wall-clock limit of an attempt, in milliseconds; 0 means none.
        package var timeoutMilliseconds: UInt64
        /// Between SIGTERM and SIGKILL of the process group.
        package var graceMilliseconds: UInt64
        /// Folder under which trial folders are made; empty: the worker's own.
        package var folder: String
        /// Takes the value from the last line of stdout that this POSIX extended regular expression matches (first
        /// group, or the whole match); empty: the last line that is a bare number.
        package var pattern: String
        /// Travel and are stored beside it: see `Objective`.
        package var bounds = Bounds()

        /// What a trial's processes may use together; 0: what a worker gives a task that asks for nothing.
        package struct Bounds: Sendable, Equatable, Wire {
            package var cores: UInt32 = 0
            package var memoryBytes: UInt64 = 0
            package var processes: UInt32 = 0
            package init() {}
            package func write(to writer: inout WireWriter) {
                writer.integer(cores)
                writer.integer(memoryBytes)
                writer.integer(processes)
            }
            package init(from reader: inout WireReader) throws(WireError) {
                cores = try reader.integer()
                memoryBytes = try reader.integer()
                processes = try reader.integer()
            }
        }

        package init(
            words: [String], timeoutMilliseconds: UInt64 = 0, graceMilliseconds: UInt64 = 10_000, folder: String = "",
            pattern: String = ""
        ) {
            self.words = words
            self.timeoutMilliseconds = timeoutMilliseconds
            self.graceMilliseconds = graceMilliseconds
            self.folder = folder
            self.pattern = pattern
        }
        package func write(to writer: inout WireWriter) {
            writer.array(words)
            writer.integer(timeoutMilliseconds)
            writer.integer(graceMilliseconds)
            writer.string(folder)
            writer.string(pattern)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                words: try reader.array(), timeoutMilliseconds: try reader.integer(),
                graceMilliseconds: try reader.integer(), folder: try reader.string(), pattern: try reader.string())
        }
    }
}
