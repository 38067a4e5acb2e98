import Messages

/// Which rows of the table `done` may still grow: neighbouring runs of one array whose tasks all gave the same bytes are
/// one row, so that a million tasks without a result of their own do not become a million rows.
///
/// Only a guide to writing: forgetting a row, as a restart does, costs one row more. Bounded, for the same reason.
package struct DoneRows {
    package struct Row: Equatable {
        package var seq: Int64
        package var run: ClaimRun
        package var result: [UInt8]
        package var busyMicroseconds: UInt64
        package init(seq: Int64, run: ClaimRun, result: [UInt8], busyMicroseconds: UInt64) {
            self.seq = seq
            self.run = run
            self.result = result
            self.busyMicroseconds = busyMicroseconds
        }
    }
    /// What to do with a run that is done: write a row of its own, or let rows that are there cover it too.
    package enum Change: Equatable {
        case insert
        /// `row`, as it is now; `absorbed`: the row behind the gap that the run closed, if there is one.
        case grow(Row, absorbed: Int64?)
    }

    /// A result longer than this is a task's own, most likely, and not worth remembering.
    private static let maximumResultBytes = 64
    private static let maximumRows = 4096

    private struct Place: Hashable {
        var job: JobID, index: UInt32
    }
    package init() {}

    /// Looked up, never iterated.
    private var byFirst: [Place: Row] = [:]
    /// First index by the index after the last. Looked up, never iterated.
    private var firstByEnd: [Place: UInt32] = [:]

    /// - Returns: what to write. After `.insert`, tell the new row's number to `inserted`.
    package mutating func add(_ run: ClaimRun, _ result: [UInt8], busyMicroseconds: UInt64) -> Change {
        guard result.count <= Self.maximumResultBytes else { return .insert }
        let before = firstByEnd[Place(job: run.job, index: run.first)].flatMap { row(run.job, $0) }
        let after = row(run.job, run.first + run.count)
        func fits(_ row: Row?) -> Row? { row?.run.epoch == run.epoch && row?.result == result ? row : nil }
        let (left, right) = (fits(before), fits(after))
        guard var grown = left ?? right else { return .insert }
        grown.busyMicroseconds += busyMicroseconds
        grown.run.count += run.count
        if left == nil { grown.run.first = run.first }
        if let left { forget(left) }
        if let right { forget(right) }
        var absorbed: Int64?
        if left != nil, let right {
            grown.run.count += right.run.count
            grown.busyMicroseconds += right.busyMicroseconds
            absorbed = right.seq
        }
        remember(grown)
        return .grow(grown, absorbed: absorbed)
    }

    package mutating func inserted(_ run: ClaimRun, _ result: [UInt8], busyMicroseconds: UInt64, seq: Int64) {
        guard result.count <= Self.maximumResultBytes else { return }
        if byFirst.count >= Self.maximumRows { self = DoneRows() }
        remember(Row(seq: seq, run: run, result: result, busyMicroseconds: busyMicroseconds))
    }

    private func row(_ job: JobID, _ first: UInt32) -> Row? { byFirst[Place(job: job, index: first)] }
    private mutating func remember(_ row: Row) {
        byFirst[Place(job: row.run.job, index: row.run.first)] = row
        firstByEnd[Place(job: row.run.job, index: row.run.first + row.run.count)] = row.run.first
    }
    private mutating func forget(_ row: Row) {
        byFirst[Place(job: row.run.job, index: row.run.first)] = nil
        firstByEnd[Place(job: row.run.job, index: row.run.first + row.run.count)] = nil
    }
}
