import Blobs
import Glibc
import Market
import Messages
import Shards

/// A folder of PNG files under a temporary name: its files are seen together, when it gets its own.
final class PNGFolder {
    private let path: String
    private let descriptor: Int32
    private var hasher = BlobHasher()
    private(set) var bytes: UInt64 = 0

    init(temporary path: String) throws(ShardError) {
        try DurableFiles.makeFolder(path)
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("opening the folder", path) }
    }
    deinit { close(descriptor) }

    /// Writes the next file.
    func write(_ png: [UInt8], name: [UInt8]) throws(ShardError) {
        func failure(_ doing: String) -> ShardError {
            .system("\(doing) \(String(decoding: name, as: UTF8.self))", path)
        }
        // A C string for as long as the call takes.
        let file = unsafe (name + [0]).withUnsafeBufferPointer { name in
            unsafe name.withMemoryRebound(to: CChar.self) {
                unsafe openat(descriptor, $0.baseAddress!, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            }
        }
        guard file >= 0 else { throw failure("making") }
        defer { close(file) }
        var done = 0
        while done < png.count {
            let count = unsafe png.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress! + done, png.count - done)
            }
            if count > 0 { done += count } else if errno != EINTR { throw failure("writing") }
        }
        hasher.update(name)
        hasher.update([10])
        hasher.update(png)
        bytes += UInt64(png.count)
    }

    /// Over each file's name, a line feed and its bytes, in the order they were written. The folder is finished then.
    func finish() -> BlobID { hasher.finish() }

    /// The same over the files of a folder that is there, in the order of `names`; nil unless it has all of them.
    static func hash(of path: String, names: [[UInt8]]) throws(ShardError) -> BlobID? {
        var hasher = BlobHasher()
        for name in names {
            guard let bytes = try DurableFiles.read(path + "/" + String(decoding: name, as: UTF8.self)) else {
                return nil
            }
            hasher.update(name)
            hasher.update([10])
            hasher.update(bytes)
        }
        return hasher.finish()
    }

    /// `AAPL_20170331T133000Z_1d.png`: the symbol, the start of the event's bar in UTC and the timeframe.
    static func name(symbol: String, start: Int64, timeframe: Timeframe) -> [UInt8] {
        let seconds = start / 1000
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let time = seconds - day * 86_400
        var name = Array(symbol.utf8)
        name.reserveCapacity(name.count + 28)
        func digits(_ value: Int, _ width: Int) {
            var scale = 1
            for _ in 1..<width { scale *= 10 }
            while scale > 0 {
                name.append(UInt8(ascii: "0") + UInt8(value / scale % 10))
                scale /= 10
            }
        }
        name.append(UInt8(ascii: "_"))
        digits(Int(MarketDate.date(dayNumber: Int(day))), 8)
        name.append(UInt8(ascii: "T"))
        digits(Int(time / 3600 * 10_000 + time / 60 % 60 * 100 + time % 60), 6)
        name.append(contentsOf: "Z_".utf8)
        name.append(contentsOf: timeframe.name.utf8)
        name.append(contentsOf: ".png".utf8)
        return name
    }
}
