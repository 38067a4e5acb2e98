import CoordinatorCore
import Foundation
import Messages

/// Takes the production core through a flight record again, and compares what it decides with what was decided then.
package struct FlightReplay: Sendable {
    /// One file of the record.
    package struct Part: Sendable {
        package var file: String
        /// Of the program that recorded it.
        package var version: String
        package var batches = 0
        package var events = 0
        /// Of the coordinator's time, from its first batch to its last.
        package var milliseconds: UInt64 = 0
        package var startHash: UInt64 = 0
        package var endHash: UInt64 = 0
        /// Hashes that were recorded and are the same.
        package var hashes = 0
        /// The state before its last batch, when nothing says that the batch was stored: its coordinator died.
        package var unconfirmedFrom: UInt64?
        /// Where the replay is not what was recorded, in words.
        package var difference: String?
    }
    package private(set) var parts: [Part] = []
    /// The first difference, with its file.
    package var difference: String? {
        parts.first { $0.difference != nil }.map { "\($0.file): \($0.difference!)" } ?? storeDifference
    }
    /// Of `state.sqlite`, when it could be compared: the state that the next coordinator would begin with.
    package private(set) var storeHash: UInt64?
    private var storeDifference: String?

    /// - Parameter path: a coordinator's state folder, or a run that holds one in `state/`.
    /// - Throws: when there is no record.
    package init(of path: String) throws {
        let folder = [path, path + "/state"].map { StateFolder($0) }.first {
            FileManager.default.fileExists(atPath: $0.flight)
        }
        guard let folder, case let numbers = FlightFile.numbers(in: folder.flight), !numbers.isEmpty else {
            throw JobError("\(path): no flight record here; give a coordinator's state folder, or a run's.")
        }
        for (at, number) in numbers.enumerated() {
            let part = try Self.replay(folder.flight + "/" + FlightFile.name(number), FlightFile.name(number))
            parts.append(part)
            // A gap is what was dropped to keep the record bounded.
            if at > 0, numbers[at - 1] == number - 1 { compare(at - 1, with: part.startHash) }
        }
        compareStore(folder)
    }

    /// What begins must be what ended before; all but a last batch that its coordinator may not have stored.
    private mutating func compare(_ earlier: Int, with hash: UInt64) {
        let before = parts[earlier]
        // 0: a file that its coordinator did not live to begin.
        guard before.difference == nil, before.startHash != 0, hash != 0, hash != before.endHash,
            hash != before.unconfirmedFrom
        else { return }
        parts[earlier + 1].difference =
            parts[earlier + 1].difference
            ?? "begins with state \(hex(hash)); \(before.file) ends with \(hex(before.endHash))"
    }

    private mutating func compareStore(_ folder: StateFolder) {
        guard FileManager.default.fileExists(atPath: folder.database), !StateLock.isHeld(folder),
            let last = parts.last, var database = try? StateDatabase(path: folder.database),
            let stored = try? database.load()
        else { return }
        let hash = Core(restoring: stored, at: 0).stateHash
        storeHash = hash
        if last.difference == nil, hash != last.endHash, hash != last.unconfirmedFrom {
            storeDifference = "state.sqlite holds state \(hex(hash)); the record ends with \(hex(last.endHash))"
        }
    }

    private static func replay(_ path: String, _ file: String) throws -> Part {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw JobError("\(path): cannot be read; check who owns it.")
        }
        var reader = WireReader(Array(data))
        var part = Part(file: file, version: "")
        do throws(WireError) {
            part.version = try FlightFile.readHead(&reader)
            // Nothing after the head: its coordinator died while it began the file.
            guard let first = try FlightFile.next(&reader) else { return part }
            guard first.kind == .snapshot else { throw WireError("it does not begin with a snapshot") }
            var core = try Core(wireBytes: first.bytes)
            part.startHash = core.stateHash
            part.endHash = part.startHash
            try follow(&reader, &core, &part)
        } catch { part.difference = error.description }
        return part
    }

    private static func follow(_ reader: inout WireReader, _ core: inout Core, _ part: inout Part) throws(WireError) {
        var fingerprint = Fingerprint()
        var began: UInt64?
        while part.difference == nil, let entry = try FlightFile.next(&reader) {
            var content = WireReader(entry.bytes)
            switch entry.kind {
            case .snapshot: throw WireError("a second snapshot")
            case .batch:
                // Batches that were stored together have one word of it; only the last of a file may lack it.
                var ahead = reader
                if part.unconfirmedFrom == nil, (try? FlightFile.next(&ahead))?.kind != .decided {
                    part.unconfirmedFrom = core.stateHash
                }
                let now: UInt64 = try content.integer()
                core.wall = try content.integer()
                let events: [Event] = try content.array()
                for event in events { for effect in core.handle(event, at: now) { fingerprint.mix(effect) } }
                part.batches += 1
                part.events += events.count
                began = began ?? now
                part.milliseconds = now - (began ?? now)
            case .decided:
                part.unconfirmedFrom = nil
                if try content.integer() != fingerprint.value {
                    part.difference =
                        "batch \(part.batches), \(part.milliseconds) ms in, event \(part.events) at the latest: decides otherwise"
                }
            case .hash:
                let recorded: UInt64 = try content.integer()
                let hash = core.stateHash
                if recorded == hash {
                    part.hashes += 1
                } else {
                    part.difference =
                        "after batch \(part.batches) the state is \(hex(hash)) and was \(hex(recorded)) when it was recorded"
                }
            }
        }
        part.endHash = core.stateHash
    }
}

/// A hash as people compare it.
package func hex(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
