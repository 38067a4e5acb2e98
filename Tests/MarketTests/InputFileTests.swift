import Foundation
import Market
import Testing

/// `a` and `b` as gzip made them, without a name or a time.
private let gzipA: [UInt8] = [
    0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 0xFF, 0x4B, 4, 0, 0x43, 0xBE, 0xB7, 0xE8, 1, 0, 0, 0,
]
private let gzipB: [UInt8] = [
    0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 0xFF, 0x4B, 2, 0, 0xF9, 0xEF, 0xBE, 0x71, 1, 0, 0, 0,
]

@Test func `gzip of several members, padded with zeros, is read whole`() throws {
    #expect(try InputFile.decompressed(gzipA, name: "a") == Array("a".utf8))
    #expect(try InputFile.decompressed(gzipA + gzipB + gzipA, name: "aba") == Array("aba".utf8))
    #expect(try InputFile.decompressed(gzipB + [0, 0, 0], name: "b0") == Array("b".utf8))
}

@Test func `damaged gzip and gzip that grows too large are refused`() throws {
    func cause(_ bytes: [UInt8], limit: Int = 1 << 20) -> MarketError.Cause? {
        #expect(throws: MarketError.self) { try InputFile.decompressed(bytes, name: "x", maximumBytes: limit) }?.cause
    }
    #expect(cause(Array(gzipA.dropLast())) == .damagedGzip)
    #expect(cause(gzipA + [1]) == .damagedGzip)
    var flipped = gzipA
    flipped[13] ^= 1
    #expect(cause(flipped) == .damagedGzip)
    let many = (0..<20).flatMap { _ in gzipA }
    #expect(cause(many, limit: 10) == .tooBig)
    #expect(try InputFile.decompressed(many, name: "x", maximumBytes: 20).count == 20)
}

@Test func `a plain file named gz is refused, a gzip file named csv is read`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("apex-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (plain, packed) = (folder.appendingPathComponent("a.csv.gz"), folder.appendingPathComponent("b.csv"))
    try Data("symbol".utf8).write(to: plain)
    try Data(gzipA + gzipB).write(to: packed)
    let error = #expect(throws: MarketError.self) { try InputFile.bytes(path: plain.path) }
    #expect(error?.cause == .notGzip)
    #expect(try InputFile.bytes(path: packed.path) == Array("ab".utf8))
    #expect(
        #expect(throws: MarketError.self) { try InputFile.bytes(path: packed.path, maximumBytes: 5) }?.cause == .tooBig)
}
