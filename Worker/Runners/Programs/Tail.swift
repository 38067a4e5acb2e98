/// The last bytes of a stream of any length.
struct Tail {
    let limitBytes: Int
    private var kept: [UInt8] = []

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    mutating func append(_ bytes: Span<UInt8>) {
        let new = bytes.count > limitBytes ? bytes.extracting(last: limitBytes) : bytes
        unsafe new.withUnsafeBufferPointer { unsafe kept.append(contentsOf: $0) }
        if kept.count > 4 * limitBytes { kept.removeFirst(kept.count - limitBytes) }
    }

    var bytes: [UInt8] { Array(kept.suffix(limitBytes)) }
}
