/// A job, numbered by the coordinator from 1 in order of acceptance.
package struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var number: UInt32
    package init(_ number: UInt32) { self.number = number }
    package static func < (a: JobID, b: JobID) -> Bool { a.number < b.number }
    package var description: String { "\(number)" }
}

/// One task of a job: the unit a worker runs. Written `job.index`, as `3.17`.
package struct TaskID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var job: JobID
    /// Position in the job, from 0, in the order the planner made the tasks.
    package var index: UInt32
    package init(_ job: JobID, _ index: UInt32) {
        self.job = job
        self.index = index
    }
    package static func < (a: TaskID, b: TaskID) -> Bool { (a.job.number, a.index) < (b.job.number, b.index) }
    package var description: String { "\(job).\(index)" }

    /// Reads `3.17`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let job = UInt32(parts[0]), let index = UInt32(parts[1]) else { return nil }
        self.init(JobID(job), index)
    }
}

/// Counts the hand-outs of one task; only rises. 0 means never handed out.
package typealias Epoch = UInt32

/// One incarnation of one worker process: a number the process drew at its start. A restarted worker is a new worker.
package struct WorkerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var incarnation: UInt64
    package init(_ incarnation: UInt64) { self.incarnation = incarnation }
    package static func < (a: WorkerID, b: WorkerID) -> Bool { a.incarnation < b.incarnation }
    package var description: String { "w" + String(incarnation, radix: 16) }
}

/// The BLAKE2b-256 hash of a blob's bytes, which is also its name.
package struct BlobID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The 32 hash bytes as four big-endian words, so that comparing words compares bytes.
    package var words: (UInt64, UInt64, UInt64, UInt64)

    /// - Parameter hash: exactly 32 bytes.
    package init?(hash: [UInt8]) {
        guard hash.count == 32 else { return nil }
        func word(_ at: Int) -> UInt64 { hash[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        words = (word(0), word(8), word(16), word(24))
    }
    /// Reads 64 hexadecimal digits; nil for anything else.
    package init?(_ hex: String) {
        let digits = Array(hex.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for at in stride(from: 0, to: 64, by: 2) {
            guard let pair = UInt8(String(decoding: digits[at...at + 1], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(pair)
        }
        self.init(hash: bytes)
    }
    package var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
    }
    package var description: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        for word in [words.0, words.1, words.2, words.3] {
            for place in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * place)) & 15
                digits.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
        return String(decoding: digits, as: UTF8.self)
    }
    package static func == (a: BlobID, b: BlobID) -> Bool { a.words == b.words }
    package static func < (a: BlobID, b: BlobID) -> Bool { a.words < b.words }
    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
