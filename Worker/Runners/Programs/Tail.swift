/// The last bytes of a stream of any length.
struct Tail {
    let limitBytes: Int
    private var kept: [UInt8] = []
    private(set) var printedBytes = 0

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    mutating func append(_ bytes: Span<UInt8>) {
        printedBytes += bytes.count
        let new = bytes.count > limitBytes ? bytes.extracting(last: limitBytes) : bytes
        unsafe new.withUnsafeBufferPointer { unsafe kept.append(contentsOf: $0) }
        if kept.count > 4 * limitBytes { kept.removeFirst(kept.count - limitBytes) }
    }

    var bytes: [UInt8] { Array(kept.suffix(limitBytes)) }

    /// The same, behind a line that says how much is missing, if anything is.
    var marked: [UInt8] {
        let bytes = bytes
        guard printedBytes > bytes.count else { return bytes }
        return Array(Self.note(missing: UInt64(printedBytes - bytes.count), of: UInt64(printedBytes)).utf8) + bytes
    }
    /// What stands where a program's output was cut.
    static func note(missing: UInt64, of all: UInt64) -> String {
        "[apex: \(missing) of \(all) bytes are left out here]\n"
    }
}
