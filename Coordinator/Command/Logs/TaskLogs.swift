import Foundation
import JSON
import Jobs
import Messages

/// What tasks of one job printed, on its way to the terminal: parts as they came, and results of tasks that were over
/// before anything of them came.
struct TaskLogs {
    let job: JobID
    /// Nil: all.
    let task: UInt32?
    /// No line says which task's it is.
    var isAlone: Bool
    let printsJSON: Bool
    /// With `printsJSON`, what would be printed.
    private(set) var parts: [JSONValue] = []
    private(set) var failures = 0
    /// The one task that is followed has ended.
    private(set) var isOver = false

    private var newest: UInt64 = 0
    private var epochs: [UInt32: Epoch] = [:]
    /// Of both streams of a task: what was seen of them, and a line that has not ended.
    private var streams: [UInt32: (output: Stream, errorOutput: Stream)] = [:]
    private struct Stream {
        var seen: UInt64 = 0
        var line: [UInt8] = []
    }
    /// Tasks whose ends were shown; all below `shownBelow` were.
    private var shown: Set<UInt32> = []
    private var shownBelow: UInt32 = 0
    private var counted: UInt32?
    private var held: [UInt32: [TaskOutput]] = [:]

    init(job: JobID, task: UInt32?, isAlone: Bool, printsJSON: Bool) {
        (self.job, self.task, self.isAlone, self.printsJSON) = (job, task, isAlone, printsJSON)
        shownBelow = task ?? 0
    }

    /// Whether tasks have ended since the last call.
    mutating func hasNews(_ status: JobStatus) -> Bool {
        defer { counted = status.done + status.failed }
        return counted != status.done + status.failed
    }

    /// Prints what came since the last call.
    /// - Parameter holds: keeps it instead, for `takeEnds` and `showHeld`: a result, where there is one, tells it better.
    mutating func takeParts(_ client: Client, holds: Bool = false) throws {
        while true {
            guard case .output(let parts) = try client.ask(.output(job, task: task, after: newest)) else {
                throw JobError("the coordinator's answer does not fit the question; is it another version?")
            }
            guard let last = parts.last else { return }
            for part in parts {
                if holds { held[part.output.run.first, default: []].append(part.output) } else { show(part.output) }
            }
            newest = last.number
        }
    }

    /// Of tasks that are not over.
    mutating func showHeld() {
        for index in held.keys.sorted() { for part in held[index] ?? [] { show(part) } }
        held = [:]
    }

    private mutating func show(_ part: TaskOutput) {
        let index = part.run.first
        if let epoch = epochs[index], epoch != part.run.epoch {
            end(index)
            streams[index] = nil
            complain("[apex: task \(job).\(index) runs again]")
        }
        epochs[index] = part.run.epoch
        var both = streams[index] ?? (Stream(), Stream())
        let seen = part.isError ? both.errorOutput.seen : both.output.seen
        var bytes = part.bytes
        if part.offset > seen {
            let note = "[apex: \(part.offset - seen) bytes are left out here]\n"
            let line = part.isError ? both.errorOutput.line : both.output.line
            bytes = Array((line.isEmpty ? note : "\n" + note).utf8) + bytes
        }
        if part.isError {
            both.errorOutput.seen = part.offset + UInt64(part.bytes.count)
            print(bytes, of: index, &both.errorOutput.line, isError: true)
        } else {
            both.output.seen = part.offset + UInt64(part.bytes.count)
            print(bytes, of: index, &both.output.line, isError: false)
        }
        streams[index] = both
    }

    /// Shows how tasks ended: a failure's words, and of a task of which nothing came, what its result keeps.
    mutating func takeEnds(_ client: Client, _ status: JobStatus) throws {
        var from = shownBelow
        pages: while true {
            guard case .results(let records) = try client.ask(.results(job, from: from)) else {
                throw JobError("the coordinator's answer does not fit the question; is it another version?")
            }
            guard let last = records.last else { return }
            for record in records {
                if let task, record.index != task { break pages }
                if !shown.contains(record.index) { show(record, status) }
                if record.index == shownBelow {
                    shownBelow += 1
                    while shown.remove(shownBelow) != nil { shownBelow += 1 }
                } else {
                    shown.insert(record.index)
                }
                if task != nil {
                    isOver = true
                    return
                }
            }
            guard last.index >= from, last.index < UInt32.max else { return }
            from = last.index + 1
        }
    }

    private mutating func show(_ record: TaskRecord, _ status: JobStatus) {
        if let parts = held.removeValue(forKey: record.index), !record.succeeded || status.kind != Command.name {
            for part in parts { show(part) }
        }
        if streams[record.index] != nil {
            end(record.index)
            streams[record.index] = nil
        } else if status.kind == Command.name, record.succeeded,
            let result = try? Command.Result(wireBytes: record.bytes)
        {
            var line: [UInt8] = []
            print(result.output, of: record.index, &line, isError: false)
            end(&line, record.index, isError: false)
            print(result.errorOutput, of: record.index, &line, isError: true)
            end(&line, record.index, isError: true)
        }
        guard !record.succeeded else { return }
        failures += 1
        complain("task \(job).\(record.index) failed: \(printable(String(decoding: record.bytes, as: UTF8.self)))")
    }

    /// Ends lines that have not ended.
    mutating func finish() { for index in streams.keys.sorted() { end(index) } }

    private mutating func end(_ index: UInt32) {
        guard var both = streams[index] else { return }
        end(&both.output.line, index, isError: false)
        end(&both.errorOutput.line, index, isError: true)
        streams[index] = both
    }
    private mutating func end(_ line: inout [UInt8], _ index: UInt32, isError: Bool) {
        guard !isAlone, !printsJSON, !line.isEmpty else {
            line = []
            return
        }
        write(line + [10], of: index, isError: isError)
        line = []
    }

    /// Prints whole lines, and keeps the rest for when it is one; alone, a task needs no such care.
    private mutating func print(_ bytes: [UInt8], of index: UInt32, _ line: inout [UInt8], isError: Bool) {
        if isAlone || printsJSON {
            line = bytes.last == 10 ? [] : [0]  // whether a line is begun is all that matters
            return write(bytes, of: index, isError: isError)
        }
        line += bytes
        // A line that does not end is shown all the same, in pieces.
        let length = (line.lastIndex(of: 10).map { $0 + 1 }) ?? (line.count > 16 << 10 ? line.count : 0)
        guard length > 0 else { return }
        write(Array(line[..<length]), of: index, isError: isError)
        line.removeFirst(length)
    }

    private mutating func write(_ bytes: [UInt8], of index: UInt32, isError: Bool) {
        guard !bytes.isEmpty else { return }
        if printsJSON {
            parts.append([
                "task": JSONValue(index), "stream": .string(isError ? "stderr" : "stdout"),
                "text": .string(String(decoding: bytes, as: UTF8.self)),
            ])
            return
        }
        let file = isError ? FileHandle.standardError : FileHandle.standardOutput
        guard !isAlone else { return file.write(Data(bytes)) }
        var marked: [UInt8] = []
        for line in bytes.split(separator: 10, omittingEmptySubsequences: false).dropLast(bytes.last == 10 ? 1 : 0) {
            marked += Array("\(index): ".utf8) + line + [10]
        }
        file.write(Data(marked))
    }
}
