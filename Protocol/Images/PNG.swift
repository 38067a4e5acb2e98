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
        deflater.begin(wordsPerRow: bitmap.wordsPerRow, rowBytes: bitmap.rowBytes, rows: bitmap.height)
        deflater.add(bitmap.words.span)
        append(bitmap, picture: 0, width: bitmap.width, height: bitmap.height, to: &file, &deflater)
    }
    /// A picture that was added to the deflater, one of those below each other in `bitmap`.
    package static func append(
        _ bitmap: borrowing Bitmap, picture: Int, width: Int, height: Int, to file: inout [UInt8],
        _ deflater: inout RowDeflater
    ) {
        deflater.packed(bitmap.words.span, pictures: picture..<picture + 1, filterBytes: true) { stream in
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
        chunk(0x4948_4452, to: &file) { file in  // IHDR
            append(UInt32(width), to: &file)
            append(UInt32(height), to: &file)
            file.append(bitDepth)
            file.append(colours.rawValue)
            for _ in 0..<3 { file.append(0) }
        }
        chunk(0x4944_4154, to: &file) { file in  // IDAT
            unsafe stream.withUnsafeBufferPointer { unsafe file.append(contentsOf: $0) }
        }
        chunk(0x4945_4E44, to: &file) { _ in }  // IEND
    }
    /// Its length, its name, what `body` appends, and the sum of name and body.
    private static func chunk(_ name: UInt32, to file: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        let start = file.count
        append(UInt32(0), to: &file)
        append(name, to: &file)
        body(&file)
        let bytes = file.count - start - 8
        for at in 0..<4 { file[start + at] = UInt8(truncatingIfNeeded: bytes >> (24 - 8 * at)) }
        let sum = unsafe file.withUnsafeBytes { buffer in
            // The name and the body, which end the file so far.
            unsafe libdeflate_crc32(0, buffer.baseAddress! + start + 4, bytes + 4)
        }
        append(sum, to: &file)
    }
    /// The highest byte first.
    private static func append(_ value: UInt32, to file: inout [UInt8]) {
        for shift: UInt32 in [24, 16, 8, 0] { file.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}
