import Blobs
import Foundation
import Glibc
import Messages
import Store

/// A state folder, copied whole or not at all: made under another name, verified, flushed, and only then named.
package struct StateCopy: Sendable {
    package private(set) var files = 0, bytes = 0, blobs = 0

    /// - Throws: when the target is there, something cannot be read or written, or the copy is not what it should be.
    package static func backup(_ state: StateFolder, to target: String, withKeys: Bool) throws -> StateCopy {
        guard FileManager.default.fileExists(atPath: state.database) else {
            throw JobError("\(state.path): holds no state of a coordinator; name one with --state DIR.")
        }
        guard !target.hasPrefix(state.path + "/") else {
            throw JobError("\(target): lies inside the state that it is to save; name a folder elsewhere.")
        }
        return try make(target) { copy, part in
            // First the databases: every blob that they name is there already, and blobs do not change.
            for (source, name) in [(state.database, "state.sqlite"), (state.studies, "studies.sqlite")]
            where FileManager.default.fileExists(atPath: source) {
                try Database(path: source, mode: .readOnly).backup(to: part + "/" + name)
                copy.count(part + "/" + name)
            }
            try copy.tree(state.blobs, to: part + "/blobs")
            try copy.tree(state.studyFolder, to: part + "/studies")
            if withKeys { try copy.tree(state.keys, to: part + "/keys") }
            try copy.verify(part)
        }
    }

    package static func restore(_ backup: String, to state: StateFolder) throws -> StateCopy {
        guard FileManager.default.fileExists(atPath: backup + "/state.sqlite") else {
            throw JobError("\(backup): is no backup; name a folder that `apex backup` made.")
        }
        guard !StateLock.isHeld(state) else {
            throw JobError("\(state.path): a coordinator runs there; stop it, or restore to another --state DIR.")
        }
        guard !FileManager.default.fileExists(atPath: state.database) else {
            throw JobError("\(state.path): holds a state already; move it away, or restore to another --state DIR.")
        }
        // A folder that is there and empty, as systemd makes it, gives way: `rename` takes an empty one's place.
        return try make(state.path, mayBeEmpty: true) { copy, part in
            try copy.tree(backup, to: part)
            try copy.verify(part)
        }
    }

    private static func make(
        _ target: String, mayBeEmpty: Bool = false, _ fill: (inout StateCopy, String) throws -> Void
    ) throws -> StateCopy {
        let inside = (try? FileManager.default.contentsOfDirectory(atPath: target)) ?? []
        guard !FileManager.default.fileExists(atPath: target) || (mayBeEmpty && inside.isEmpty) else {
            throw JobError("\(target): is there already; name a folder that is not.")
        }
        let part = target + ".part"
        try? FileManager.default.removeItem(atPath: part)
        do {
            try FileManager.default.createDirectory(
                atPath: part, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw JobError("\(part): cannot be made (\(error.localizedDescription)).") }
        var copy = StateCopy()
        do {
            try fill(&copy, part)
            // All of it is on the disk before it has its name.
            sync()
            guard unsafe rename(part, target) == 0 else {
                throw JobError("\(target): cannot be named: \(unsafe String(cString: strerror(errno))).")
            }
        } catch {
            try? FileManager.default.removeItem(atPath: part)
            throw error
        }
        return copy
    }

    private mutating func count(_ path: String) {
        files += 1
        bytes += (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }

    /// Regular files only, with their rights; what comes and goes meanwhile, such as a half-written blob, is left out.
    private mutating func tree(_ source: String, to target: String) throws {
        let manager = FileManager.default
        guard manager.fileExists(atPath: source) else { return }
        try manager.createDirectory(
            atPath: target, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard let names = manager.enumerator(atPath: source) else { return }
        while let name = names.nextObject() as? String {
            let (from, to) = (source + "/" + name, target + "/" + name)
            switch names.fileAttributes?[.type] as? FileAttributeType {
            case .typeDirectory:
                if name == "tmp" {
                    names.skipDescendants()
                } else {
                    try manager.createDirectory(
                        atPath: to, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                }
            case .typeRegular where name != "lock":
                do { try manager.copyItem(atPath: from, toPath: to) } catch {
                    guard manager.fileExists(atPath: from) else { continue }
                    throw JobError("\(to): cannot be written (\(error.localizedDescription)); is there room?")
                }
                count(to)
            default: continue
            }
        }
    }

    private mutating func verify(_ folder: String) throws {
        for name in ["state.sqlite", "studies.sqlite"] {
            let path = folder + "/" + name
            guard FileManager.default.fileExists(atPath: path) else { continue }
            if let damage = try Database(path: path, mode: .readOnly).damage() {
                throw JobError("\(path): is damaged: \(damage).")
            }
        }
        guard let names = FileManager.default.enumerator(atPath: folder + "/blobs") else { return }
        while let name = names.nextObject() as? String {
            guard names.fileAttributes?[.type] as? FileAttributeType == .typeRegular else { continue }
            let path = folder + "/blobs/" + name
            guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else {
                throw JobError("\(path): cannot be read.")
            }
            let wanted = String(name.split(separator: "/").last ?? "")
            guard "\(BlobID(of: [UInt8](data)))" == wanted else {
                throw JobError("\(path): is not the blob that its name says; the disk or the backup is damaged.")
            }
            blobs += 1
        }
    }
}
