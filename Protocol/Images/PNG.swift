import CDeflate

/// PNG files. Source: W3C, *Portable Network Graphics (PNG) Specification (Second Edition)*.
package enum PNG {
    package enum Colours: UInt8, Sendable {
        case grey = 0
        case colour = 2
        package var channels: Int { self == .grey ? 1 : 3 }
    }
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// A picture of two colours in one bit a pixel.
    package static func append(_ bitmap: borrowing Bitmap, to file: inout [UInt8], _ deflater: inout RowDeflater) {
        append(
            bitmap.words.span, width: bitmap.width, height: bitmap.height, wordsPerRow: bitmap.wordsPerRow, to: &file,
            &deflater)
    }
    package static func append(
        _ words: Span<UInt64>, width: Int, height: Int, wordsPerRow: Int, to file: inout [UInt8],
        _ deflater: inout RowDeflater
    ) {
        deflater.packed(words, wordsPerRow: wordsPerRow, rowBytes: width / 8, filterBytes: true) { stream in
            frame(stream, width: width, height: height, bitDepth: 1, .grey, to: &file)
        }
    }

    /// A picture of one byte a channel: height × width × channels, row after row.
    package static func file(_ pixels: [UInt8], width: Int, height: Int, _ colours: Colours) -> [UInt8] {
        let rowBytes = width * colours.channels
        precondition(pixels.count == rowBytes * height, "\(pixels.count) bytes in \(width) × \(height) pixels")
        var rows: [UInt8] = []
        rows.reserveCapacity((rowBytes + 1) * height)
        for row in 0..<height {
            rows.append(0)
            rows.append(contentsOf: pixels[row * rowBytes..<(row + 1) * rowBytes])
        }
        guard let compressor = unsafe libdeflate_alloc_compressor(6) else { preconditionFailure("no compressor") }
        defer { unsafe libdeflate_free_compressor(compressor) }
        let bound = unsafe libdeflate_zlib_compress_bound(compressor, rows.count)
        let stream = unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            // Reads all of `rows` and writes at most `bound` bytes.
            count = unsafe libdeflate_zlib_compress(compressor, rows, rows.count, output.baseAddress, output.count)
        }
        var file: [UInt8] = []
        frame(stream.span, width: width, height: height, bitDepth: 8, colours, to: &file)
        return file
    }

    private static func frame(
        _ stream: Span<UInt8>, width: Int, height: Int, bitDepth: UInt8, _ colours: Colours, to file: inout [UInt8]
    ) {
        file.append(contentsOf: signature)
        let header = bigEndian(width) + bigEndian(height) + [bitDepth, colours.rawValue, 0, 0, 0]
        chunk([0x49, 0x48, 0x44, 0x52], header.span, to: &file)
        chunk([0x49, 0x44, 0x41, 0x54], stream, to: &file)
        chunk([0x49, 0x45, 0x4E, 0x44], [UInt8]().span, to: &file)
    }
    private static func chunk(_ name: [UInt8], _ bytes: Span<UInt8>, to file: inout [UInt8]) {
        file.append(contentsOf: bigEndian(bytes.count))
        file.append(contentsOf: name)
        let sum = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe file.append(contentsOf: buffer)
            // Reads the name and then the bytes, no further.
            let begun = unsafe libdeflate_crc32(0, name, name.count)
            return unsafe buffer.isEmpty ? begun : libdeflate_crc32(begun, buffer.baseAddress, buffer.count)
        }
        file.append(contentsOf: bigEndian(Int(sum)))
    }
    private static func bigEndian(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
