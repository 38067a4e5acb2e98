import CoordinatorCore
import Foundation
import Glibc
import Messages

/// What the core was told, in order and with its moments: enough to replay any decision later, on another machine too.
///
/// `flight/000001.flight`, … in the state folder, each a snapshot of the core and the batches after it; a new one is begun
/// with each start of the coordinator and when one is full. They hold what `state.sqlite` holds, and are open to their
/// owner only. A batch is written before the core sees it, so that one that kills the coordinator is on record.
///
/// Bounded: `maximumBytes` in all and one file more, a file `fileBytes` or, where that is larger, as long as its snapshot
/// again. A disk that is full loses the record, never the run.
final class FlightRecorder {
    static let fileBytes = 64 << 20
    static let maximumBytes = 256 << 20
    /// The state's hash takes time in proportion to the tasks in work: at most this part of the time goes into it.
    private static let hashShare = 200
    /// After a failure, until another file is tried.
    private static let patience: Duration = .seconds(60)

    private let folder: String
    private let fileLimit: Int
    private let totalLimit: Int
    private var descriptor: Int32 = -1
    private var number = 0
    private var fileLength = 0
    private var snapshotLength = 0
    /// Not written yet: the fingerprint of the last batch goes out with the next.
    private var waiting = WireWriter()
    private var fingerprint = Fingerprint()
    private var hashDue = ContinuousClock.now
    private var retry = ContinuousClock.now
    private let log: (LogLine) -> Void

    /// - Parameters:
    ///   - folder: made when it is missing, open to nobody else.
    ///   - log: told when nothing can be recorded, and when it can again.
    init(
        _ folder: String, fileLimit: Int = FlightRecorder.fileBytes, totalLimit: Int = FlightRecorder.maximumBytes,
        log: @escaping (LogLine) -> Void
    ) {
        self.folder = folder
        self.fileLimit = fileLimit
        self.totalLimit = totalLimit
        self.log = log
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        number = FlightFile.numbers(in: folder).last ?? 0
    }
    deinit { if descriptor >= 0 { close(descriptor) } }

    // MARK: - Recording

    /// Before the core handles a batch. `core` is as it is before.
    func begin(_ events: [Event], at now: Milliseconds, wall: UInt64, _ core: Core) {
        if descriptor < 0 {
            guard ContinuousClock.now >= retry else { return }
            open(core)
        }
        var batch = WireWriter(reserving: 256)
        batch.integer(now)
        batch.integer(wall)
        batch.array(events)
        append(.batch, batch.bytes)
        flush()
    }

    /// After the batch's records are stored.
    func end(_ effects: [Effect], _ core: Core) {
        guard descriptor >= 0 else { return }
        for effect in effects { fingerprint.mix(effect) }
        var bytes = WireWriter()
        bytes.integer(fingerprint.value)
        append(.decided, bytes.bytes)
        if ContinuousClock.now >= hashDue { appendHash(core) }
        if fileLength > fileLimit + snapshotLength {
            flush()
            finish()
            open(core)
        }
    }

    /// The coordinator stops as it should.
    func stop(_ core: Core) {
        guard descriptor >= 0 else { return }
        appendHash(core)
        flush()
        finish()
    }

    private func appendHash(_ core: Core) {
        let start = ContinuousClock.now
        var bytes = WireWriter()
        bytes.integer(core.stateHash)
        append(.hash, bytes.bytes)
        let took = ContinuousClock.now - start
        hashDue = start + max(.seconds(1), took * Self.hashShare)
    }

    private func append(_ kind: FlightFile.Entry, _ bytes: [UInt8]) {
        FlightFile.append(kind, bytes, to: &waiting)
    }

    private func flush() {
        let bytes = waiting.bytes
        waiting = WireWriter(reserving: 512)
        guard descriptor >= 0, !bytes.isEmpty else { return }
        guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { return fail() }
        fileLength += bytes.count
    }

    // MARK: - Files

    private func open(_ core: Core) {
        waiting = WireWriter(reserving: 512)
        fingerprint = Fingerprint()
        fileLength = 0
        let path = folder + "/" + FlightFile.name(number + 1)
        descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return fail() }
        number += 1
        FlightFile.appendHead(&waiting)
        append(.snapshot, core.wireBytes)
        snapshotLength = waiting.bytes.count
        appendHash(core)
        flush()
        dropOldest()
    }
    private func finish() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
    private func fail() {
        if descriptor >= 0 { log(LogLine(.warning, "flight_record_stopped", [("file", FlightFile.name(number))])) }
        finish()
        retry = .now + Self.patience
    }

    private func dropOldest() {
        var total = 0
        for old in FlightFile.numbers(in: folder).reversed() {
            let path = folder + "/" + FlightFile.name(old)
            let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
            total += size
            if total > totalLimit, old != number { _ = unsafe unlink(path) }
        }
    }
}

/// The form of a file of the flight record: `APXF`, its version, the program's version; then entries: length (32 bits),
/// kind (8 bits), checksum (32 bits), bytes. A last entry that is cut off was being written when the coordinator died.
enum FlightFile {
    enum Entry: UInt8 {
        /// The core; first, and only there.
        case snapshot = 1
        /// Moment, wall clock and events.
        case batch
        /// Fingerprint of all that was decided in this file up to here: the batch is stored.
        case decided
        /// Hash of the state here.
        case hash
    }
    private static let mark: [UInt8] = Array("APXF".utf8)
    private static let version: UInt16 = 4

    static func name(_ number: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".flight"
    }
    /// Of the files of a folder, ascending.
    static func numbers(in folder: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".flight") }.compactMap { Int($0.dropLast(".flight".count)) }.sorted()
    }

    static func appendHead(_ writer: inout WireWriter) {
        for byte in mark { writer.integer(byte) }
        writer.integer(version)
        writer.string(codeVersion)
    }
    static func append(_ kind: Entry, _ bytes: [UInt8], to writer: inout WireWriter) {
        writer.integer(UInt32(bytes.count))
        writer.integer(kind.rawValue)
        writer.integer(checksum(bytes))
        writer.raw(bytes)
    }

    /// - Throws: when this is no file of the flight record, or one of another version.
    static func readHead(_ reader: inout WireReader) throws(WireError) -> String {
        for byte in mark where try reader.integer(UInt8.self) != byte { throw WireError("not a flight record") }
        let found: UInt16 = try reader.integer()
        guard found == version else {
            throw WireError("a flight record of form \(found); this program reads form \(version)")
        }
        return try reader.string()
    }
    /// - Returns: nil at the end, or where the last entry is cut off.
    /// - Throws: for an entry that is whole and not as it was written.
    static func next(_ reader: inout WireReader) throws(WireError) -> (kind: Entry, bytes: [UInt8])? {
        let start = reader.offset
        guard reader.remainingBytes >= 9 else { return nil }
        let length: UInt32 = try reader.integer()
        let kind: UInt8 = try reader.integer()
        let sum: UInt32 = try reader.integer()
        guard let entry = Entry(rawValue: kind) else { throw WireError("damaged at byte \(start)") }
        guard reader.remainingBytes >= length else { return nil }
        let bytes = try reader.raw(Int(length))
        guard checksum(bytes) == sum else { throw WireError("damaged at byte \(start)") }
        return (entry, bytes)
    }

    /// FNV-1a, folded to 32 bits.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }
}
