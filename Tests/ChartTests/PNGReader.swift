import CDeflate

/// Reads PNG files as these tests expect them, sharing nothing with what wrote them.
struct PNGReader {
    let width: Int, height: Int, bitDepth: Int, colourType: Int
    /// Rows without their filter bytes, which are all zero.
    let rows: [UInt8]

    init?(_ file: [UInt8]) {
        guard file.starts(with: [137, 80, 78, 71, 13, 10, 26, 10]) else { return nil }
        func number(_ at: Int) -> Int { file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        var at = 8
        var header: [UInt8] = []
        var data: [UInt8] = []
        var names: [String] = []
        while at + 12 <= file.count {
            let count = number(at)
            guard at + 12 + count <= file.count else { return nil }
            guard Self.crc(file[at + 4..<at + 8 + count]) == UInt32(number(at + 8 + count)) else { return nil }
            let body = file[at + 8..<at + 8 + count]
            names.append(String(decoding: file[at + 4..<at + 8], as: UTF8.self))
            if names.last == "IHDR" { header = Array(body) }
            if names.last == "IDAT" { data += body }
            at += 12 + count
        }
        guard at == file.count, names == ["IHDR", "IDAT", "IEND"], header.count == 13 else { return nil }
        width = header[0..<4].reduce(0) { $0 << 8 | Int($1) }
        height = header[4..<8].reduce(0) { $0 << 8 | Int($1) }
        bitDepth = Int(header[8])
        colourType = Int(header[9])
        guard header[10...].allSatisfy({ $0 == 0 }) else { return nil }
        let rowBytes = (width * bitDepth * (colourType == 2 ? 3 : 1) + 7) / 8
        var output = [UInt8](repeating: 0, count: height * (rowBytes + 1))
        guard let decompressor = unsafe libdeflate_alloc_decompressor() else { return nil }
        defer { unsafe libdeflate_free_decompressor(decompressor) }
        // Reads all of `data` and fills `output` exactly, or says that it cannot.
        let result = unsafe libdeflate_zlib_decompress(
            decompressor, data, data.count, &output, output.count, nil)
        guard result == LIBDEFLATE_SUCCESS else { return nil }
        var rows: [UInt8] = []
        for row in 0..<height {
            guard output[row * (rowBytes + 1)] == 0 else { return nil }
            rows += output[row * (rowBytes + 1) + 1..<(row + 1) * (rowBytes + 1)]
        }
        self.rows = rows
    }

    private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }
}
