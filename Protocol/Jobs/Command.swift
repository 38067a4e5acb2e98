import Messages

/// Any program, run `count` times with `APEX_TASK_INDEX` 0…count−1 in its environment and `{index}` replaced in its
/// arguments.
package enum Command: JobKind {
    package static let name = "command"
    package static let codeVersion: UInt32 = 1
    /// Nobody knows what a program does besides.
    package static let isRepeatable = false
    package static let isReusable = false

    package struct Spec: Wire, Equatable {
        package var program: String
        package var arguments: [String]
        package var count: UInt32
        /// Wall-clock limit of one run, in milliseconds; 0 means none.
        package var timeoutMilliseconds: UInt64
        /// What one run may use: bytes, whole cores and processes; 0: no limit of its own.
        package var memoryBytes: UInt64, cores: UInt32, processes: UInt32
        package init(
            program: String, arguments: [String], count: UInt32, timeoutMilliseconds: UInt64, memoryBytes: UInt64 = 0,
            cores: UInt32 = 0, processes: UInt32 = 0
        ) {
            self.program = program
            self.arguments = arguments
            self.count = count
            self.timeoutMilliseconds = timeoutMilliseconds
            self.memoryBytes = memoryBytes
            self.cores = cores
            self.processes = processes
        }
        package func write(to writer: inout WireWriter) {
            writer.string(program)
            writer.array(arguments)
            writer.integer(count)
            writer.integer(timeoutMilliseconds)
            writer.integer(memoryBytes)
            writer.integer(cores)
            writer.integer(processes)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(
                program: try reader.string(), arguments: try reader.array(), count: try reader.integer(),
                timeoutMilliseconds: try reader.integer())
            // Jobs that were stored before there were limits have none.
            guard reader.remainingBytes > 0 else { return }
            memoryBytes = try reader.integer()
            cores = try reader.integer()
            processes = try reader.integer()
        }
    }
    package typealias Task = Spec  // an array: the runner adds the index
    /// A run that ended with exit code 0. Any other end is the task's failure, with the same facts in words.
    package struct Result: Wire, Equatable {
        package var exitCode: Int32
        /// The last 64 KiB of each stream: enough to see what went wrong, bounded whatever the program prints.
        package var output: [UInt8], errorOutput: [UInt8]
        package init(exitCode: Int32, output: [UInt8], errorOutput: [UInt8]) {
            self.exitCode = exitCode
            self.output = output
            self.errorOutput = errorOutput
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(exitCode)
            writer.blob(output)
            writer.blob(errorOutput)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(exitCode: try reader.integer(), output: try reader.blob(), errorOutput: try reader.blob())
        }
    }
}
