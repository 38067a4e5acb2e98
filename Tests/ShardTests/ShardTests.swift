import Blobs
import Foundation
import Messages
import Shards
import TestSupport
import Testing

@Suite struct ShardTests {
    private let folder = Folder()

    private static let columns = [
        ShardColumn("image", .uint8, shape: [8, 2], chunkRows: 3, filter: .deflate),
        ShardColumn("symbol", .ascii(6), chunkRows: 4, attributes: [ShardAttribute("note", "NUL-padded")]),
        ShardColumn("time", .int64, attributes: [ShardAttribute("units", "nanoseconds since 1970")]),
        ShardColumn("close", .float64), ShardColumn("date", .int32), ShardColumn("delta", .int8),
        ShardColumn("part", .float32),
    ]
    private static let rows = 10

    private func write(_ name: String, seed: UInt64) throws -> BlobID {
        var generator = SplitMix(seed: seed)
        var writer = try ShardWriter(
            temporary: folder.path(name), columns: Self.columns, rows: Self.rows,
            attributes: [
                ShardAttribute("schema", "test"), ShardAttribute("seed", Int(seed)), ShardAttribute("share", 0.25),
                ShardAttribute("names", ["open", "schließen"]),
            ])
        var compressor = Compressor()
        let rows = Self.rows
        try writer.write((0..<rows * 16).map { _ in UInt8(generator.next(below: 256)) }, toColumn: 0, &compressor)
        try writer.write(
            try ColumnBytes.ascii((0..<rows).map { "S\($0)" }, width: 6, column: "symbol"), toColumn: 1, &compressor)
        try writer.write(ColumnBytes.integers((0..<rows).map { Int64($0) << 40 }), toColumn: 2, &compressor)
        try writer.write(ColumnBytes.doubles((0..<rows).map { Double($0) / 3 }), toColumn: 3, &compressor)
        try writer.write(ColumnBytes.integers((0..<rows).map { Int32($0) - 5 }), toColumn: 4, &compressor)
        try writer.write(ColumnBytes.integers((0..<rows).map { Int8($0) - 5 }), toColumn: 5, &compressor)
        try writer.write(ColumnBytes.floats((0..<rows).map { Float($0) / 4 }), toColumn: 6, &compressor)
        return try writer.finish()
    }

    @Test func `what was written is read back, to the byte`() throws {
        let hash = try write("a.h5", seed: 7)
        let reader = try ShardReader(folder.path("a.h5"))
        #expect(reader.rows == 10)
        #expect(
            Set(reader.columns.map(\.name)) == ["image", "symbol", "time", "close", "date", "delta", "part"])
        var generator = SplitMix(seed: 7)
        let image = (0..<160).map { _ in UInt8(generator.next(below: 256)) }
        #expect(try reader.bytes(of: "image") == image)
        #expect(try reader.bytes(of: "image", rows: 4..<9) == Array(image[64..<144]))
        #expect(try reader.strings("symbol") == (0..<10).map { "S\($0)" })
        #expect(try reader.integers("time", rows: 8..<10) == [8 << 40, 9 << 40])
        #expect(try reader.doubles("close")[7] == 7.0 / 3)
        #expect(try reader.integers("date") == (0..<10).map { $0 - 5 })
        #expect(try reader.integers("delta") == (0..<10).map { $0 - 5 })
        #expect(try reader.doubles("part")[3] == 0.75)
        #expect(try reader.attribute("schema") == .string("test"))
        #expect(try reader.attribute("seed") == .integer(7))
        #expect(try reader.attribute("share") == .double(0.25))
        #expect(try reader.attribute("names") == .strings(["open", "schließen"]))
        #expect(try reader.attribute("content_hash") == .string(hash.description))
        #expect(try reader.attribute("units", ofColumn: "time") == .string("nanoseconds since 1970"))
        #expect(try reader.attribute("nothing") == nil)
        #expect(reader.column("image")?.shape == [8, 2])
        #expect(reader.column("image")?.chunkRows == 3)
    }

    @Test func `the same rows give the same bytes, other rows another hash`() throws {
        let first = try write("one.h5", seed: 3)
        let second = try write("two.h5", seed: 3)
        let other = try write("other.h5", seed: 4)
        #expect(first == second)
        #expect(first != other)
        #expect(try Data(contentsOf: folder.url("one.h5")) == Data(contentsOf: folder.url("two.h5")))
    }

    @Test func `a shard cut short anywhere is refused or read right, never read wrong`() throws {
        _ = try write("whole.h5", seed: 5)
        let whole = try Data(contentsOf: folder.url("whole.h5"))
        var refused = 0
        for cut in stride(from: 0, to: whole.count, by: max(1, whole.count / 60)) {
            try whole.prefix(cut).write(to: folder.url("cut.h5"))
            do {
                let reader = try ShardReader(folder.path("cut.h5"))
                for column in reader.columns { _ = try reader.bytes(of: column.name) }
                Issue.record("a shard of \(cut) of \(whole.count) bytes was read")
            } catch {
                #expect(error.cause == .damaged, "\(error)")
                refused += 1
            }
        }
        #expect(refused > 50)
    }

    @Test func `text that would come back as another is refused`() {
        for text in ["toolong", "Ü", "a\0b"] {
            #expect(throws: ShardError.self) { try ColumnBytes.ascii([text], width: 6, column: "symbol") }
        }
    }

    @Test func `a name that is taken and a column that is not there say so`() throws {
        _ = try write("taken.h5", seed: 1)
        #expect(throws: ShardError.self) { try write("taken.h5", seed: 1) }
        let reader = try ShardReader(folder.path("taken.h5"))
        #expect { try reader.bytes(of: "volume") } throws: { "\($0)".contains("there is no column volume") }
        #expect { try reader.integers("close") } throws: { "\($0)".contains("does not hold integers") }
    }
}

/// A folder of the test's own, removed with it.
private final class Folder {
    private let root = FileManager.default.temporaryDirectory.appendingPathComponent("shards-\(UUID().uuidString)")
    init() { try? FileManager.default.createDirectory(at: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: root) }
    func url(_ name: String) -> URL { root.appendingPathComponent(name) }
    func path(_ name: String) -> String { url(name).path }
}
