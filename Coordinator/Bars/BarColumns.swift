import CDeflate
import Store

/// Bars of one series, ascending in start, in columns of equal length.
package struct BarColumns: Sendable, Equatable {
    /// See `BarTime`.
    package var starts: [Int64]
    package var open: [Double], high: [Double], low: [Double], close: [Double], volume: [Double]
    /// The batch that each bar came with.
    package var batches: [UInt32]
    package var count: Int { starts.count }

    package init() { self.init(count: 0) }
    /// - Parameter count: so many bars of zeros, to be overwritten.
    init(count: Int) {
        starts = [Int64](repeating: 0, count: count)
        open = [Double](repeating: 0, count: count)
        high = open
        low = open
        close = open
        volume = open
        batches = [UInt32](repeating: 0, count: count)
    }

    package subscript(at: Int) -> Bar {
        Bar(
            start: starts[at], open: open[at], high: high[at], low: low[at], close: close[at], volume: volume[at])
    }
    mutating func append(_ bar: Bar, batch: UInt32) {
        starts.append(bar.start)
        open.append(bar.open)
        high.append(bar.high)
        low.append(bar.low)
        close.append(bar.close)
        volume.append(bar.volume)
        batches.append(batch)
    }
    /// The position of the first bar that starts at or after a time.
    package func firstBar(atOrAfter start: Int64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < start { low = middle + 1 } else { high = middle }
        }
        return low
    }
    func part(_ range: Range<Int>) -> BarColumns {
        if range == 0..<count { return self }
        var part = BarColumns()
        part.starts = Array(starts[range])
        part.open = Array(open[range])
        part.high = Array(high[range])
        part.low = Array(low[range])
        part.close = Array(close[range])
        part.volume = Array(volume[range])
        part.batches = Array(batches[range])
        return part
    }
}

/// How bars lie in a block's bytes: seven columns one after the other, little endian, without gaps: start (8 bytes),
/// open, high, low, close, volume (8 each), batch (4). The block's row holds their CRC-32.
enum BarBlock {
    /// At most so many bars: what one more day of a series rewrites, and one page of the file.
    static let most = 256
    static let bytesPerBar = 52

    static func bytes(_ columns: BarColumns, _ range: Range<Int>) -> [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(range.count * bytesPerBar)
        func put<Element: BitwiseCopyable>(_ column: [Element]) {
            // Any value of these types is bytes without padding.
            unsafe column[range].withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        }
        put(columns.starts)
        for prices in [columns.open, columns.high, columns.low, columns.close, columns.volume] { put(prices) }
        put(columns.batches)
        return bytes
    }

    static func checksum(_ bytes: RawSpan) -> Int64 {
        // The pointer is of the span's bytes, as many as are said.
        unsafe bytes.withUnsafeBytes { Int64(unsafe libdeflate_crc32(0, $0.baseAddress, $0.count)) }
    }
    static func checksum(_ bytes: [UInt8]) -> Int64 {
        unsafe bytes.withUnsafeBytes { Int64(unsafe libdeflate_crc32(0, $0.baseAddress, $0.count)) }
    }

    /// Copies one column, bars `range` of a block of `count`, to position `at` of `target`.
    /// - Parameter offset: of the column in a block's bytes, for each bar before it.
    static func copy<Element: BitwiseCopyable>(
        _ block: RawSpan, count: Int, columnOffset offset: Int, _ range: Range<Int>, into target: inout [Element],
        at position: Int
    ) {
        let width = MemoryLayout<Element>.size
        precondition(position + range.count <= target.count && range.upperBound <= count, "the bars fit")
        precondition(count * offset + range.upperBound * width <= block.byteCount, "the block holds the bars")
        // Both ranges were checked above; any bytes are a value of these types.
        unsafe block.withUnsafeBytes { source in
            unsafe target.withUnsafeMutableBytes { target in
                unsafe UnsafeMutableRawBufferPointer(
                    rebasing: target[position * width..<(position + range.count) * width]
                ).copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: source[
                            count * offset + range.lowerBound * width..<count * offset + range.upperBound * width]))
            }
        }
    }
}

extension BarColumns {
    /// Copies bars `range` of a block of `count` to position `at` of these columns.
    mutating func take(_ block: RawSpan, count: Int, _ range: Range<Int>, at position: Int) {
        BarBlock.copy(block, count: count, columnOffset: 0, range, into: &starts, at: position)
        BarBlock.copy(block, count: count, columnOffset: 8, range, into: &open, at: position)
        BarBlock.copy(block, count: count, columnOffset: 16, range, into: &high, at: position)
        BarBlock.copy(block, count: count, columnOffset: 24, range, into: &low, at: position)
        BarBlock.copy(block, count: count, columnOffset: 32, range, into: &close, at: position)
        BarBlock.copy(block, count: count, columnOffset: 40, range, into: &volume, at: position)
        BarBlock.copy(block, count: count, columnOffset: 48, range, into: &batches, at: position)
    }
}
