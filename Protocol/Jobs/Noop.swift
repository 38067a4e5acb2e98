import Messages

/// Tasks that do nothing: they measure the cluster itself.
package enum Noop: JobKind {
    package static let name = "noop"
    package static let codeVersion: UInt32 = 1
    /// They measure the cluster, so each is run.
    package static let isRepeatable = true
    package static let isReusable = false

    /// `count` tasks, each answered with `resultBytes` zero bytes.
    package struct Spec: Wire, Equatable {
        package var count: UInt32, resultBytes: UInt32
        package init(count: UInt32, resultBytes: UInt32 = 0) {
            self.count = count
            self.resultBytes = resultBytes
        }
        package func write(to writer: inout WireWriter) {
            writer.integer(count)
            writer.integer(resultBytes)
        }
        package init(from reader: inout WireReader) throws(WireError) {
            self.init(count: try reader.integer(), resultBytes: try reader.integer())
        }
    }
    package typealias Task = Spec  // an array: every task shares the spec
    package struct Result: Wire, Equatable {
        package var bytes: [UInt8]
        package init(bytes: [UInt8] = []) { self.bytes = bytes }
        package func write(to writer: inout WireWriter) { writer.blob(bytes) }
        package init(from reader: inout WireReader) throws(WireError) { bytes = try reader.blob() }
    }
}
