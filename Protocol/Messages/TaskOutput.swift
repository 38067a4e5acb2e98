/// Part of what a running task's program prints, for whoever watches. Parts may get lost, and when a program prints much
/// they do: its result keeps the end of what it printed all the same.
package struct TaskOutput: Sendable, Equatable, Wire {
    package static let maximumBytes = 32 << 10
    /// One task.
    package var run: ClaimRun
    /// Printed to standard error, not output.
    package var isError: Bool
    /// What the program had printed to that stream before, in bytes.
    package var offset: UInt64
    package var bytes: [UInt8]
    package init(run: ClaimRun, isError: Bool, offset: UInt64, bytes: [UInt8]) {
        self.run = run
        self.isError = isError
        self.offset = offset
        self.bytes = bytes
    }
    package func write(to writer: inout WireWriter) {
        writer.value(run)
        writer.bool(isError)
        writer.integer(offset)
        writer.blob(bytes)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        run = try reader.value()
        isError = try reader.bool()
        offset = try reader.integer()
        bytes = try reader.blob()
        guard run.count == 1 else { throw WireError("output of \(run.count) tasks") }
        guard bytes.count <= Self.maximumBytes, !offset.addingReportingOverflow(UInt64(bytes.count)).overflow else {
            throw WireError("\(bytes.count) bytes of output from \(offset) on")
        }
    }
}

/// Such a part as the coordinator has it.
package struct OutputPart: Sendable, Equatable, Wire {
    /// Of all parts that came, which it is, from 1 on.
    package var number: UInt64
    package var output: TaskOutput
    package init(number: UInt64, output: TaskOutput) {
        self.number = number
        self.output = output
    }
    package func write(to writer: inout WireWriter) {
        writer.integer(number)
        writer.value(output)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(number: try reader.integer(), output: try reader.value())
    }
}
