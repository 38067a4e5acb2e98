import CLinux
import Glibc
import Messages

/// A pipe whose ends close themselves.
final class Pipe {
    private(set) var readEnd: Int32
    private(set) var writeEnd: Int32

    init() throws(JobError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe apex_pipe(&ends) == 0 else {
            throw JobError(
                "this worker has no free file descriptor for a program's output (\(ChildProcess.words(errno))); "
                    + "raise its limit with ulimit -n.")
        }
        readEnd = ends[0]
        writeEnd = ends[1]
    }
    deinit {
        closeReadEnd()
        closeWriteEnd()
    }
    func closeReadEnd() {
        if readEnd >= 0 { close(readEnd) }
        readEnd = -1
    }
    func closeWriteEnd() {
        if writeEnd >= 0 { close(writeEnd) }
        writeEnd = -1
    }

    /// Takes what is there now; closes at the end of the stream.
    func read(_ buffer: inout [UInt8], as source: ChildSource, _ listener: inout some ChildListener & ~Copyable) {
        guard readEnd >= 0 else { return }
        if ChildProcess.take(readEnd, &buffer, as: source, &listener) { closeReadEnd() }
    }
}
