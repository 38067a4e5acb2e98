/// Memory that is written over and over: grows, never shrinks, and is not cleared. Every access is checked.
@safe struct Scratch<Element: BitwiseCopyable>: ~Copyable {
    private(set) var capacity: Int
    private var pointer: UnsafeMutablePointer<Element>
    private let filler: Element

    init(_ capacity: Int, filler: Element) {
        self.capacity = capacity
        self.filler = filler
        unsafe pointer = .allocate(capacity: capacity)
        unsafe pointer.initialize(repeating: filler, count: capacity)
    }
    deinit { unsafe pointer.deallocate() }

    /// Makes room for `count` elements; what was there stays.
    @inline(__always) mutating func reserve(_ count: Int) { if count > capacity { grow(to: count) } }
    @inline(never) private mutating func grow(to count: Int) {
        let larger = max(count, 2 * capacity)
        // The new memory is filled in whole: the old elements, then the filler.
        let moved = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        unsafe moved.initialize(from: pointer, count: capacity)
        unsafe (moved + capacity).initialize(repeating: filler, count: larger - capacity)
        unsafe pointer.deallocate()
        unsafe pointer = moved
        capacity = larger
    }

    subscript(at: Int) -> Element {
        // Initialized when allocated, and inside it.
        @inline(__always) get {
            precondition(at >= 0 && at < capacity, "beyond the scratch memory")
            return unsafe pointer[at]
        }
        @inline(__always) set {
            precondition(at >= 0 && at < capacity, "beyond the scratch memory")
            unsafe pointer[at] = newValue
        }
    }
}

extension Scratch where Element == UInt8 {
    /// Writes eight bytes, lowest first.
    @inline(__always) mutating func store(_ value: UInt64, at: Int) {
        precondition(at >= 0 && at + 8 <= capacity, "beyond the scratch memory")
        // Eight bytes inside the allocation; any bytes are valid.
        unsafe UnsafeMutableRawPointer(pointer + at).storeBytes(of: value.littleEndian, as: UInt64.self)
    }
    /// The first `count` bytes, as long as nothing is written.
    @inline(__always) func prefix<Result: ~Copyable, Failure: Error>(
        _ count: Int, _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(count <= capacity, "beyond the scratch memory")
        // The span does not outlive the call, and the memory does.
        return try unsafe body(UnsafeBufferPointer(start: pointer, count: count).span)
    }
}
