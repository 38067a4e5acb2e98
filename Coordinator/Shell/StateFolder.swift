import Foundation
import Glibc
import Messages

/// Where a coordinator keeps everything: `state.sqlite`, `blobs/`, `keys/`, `flight/`, its ipc sockets and its log.
package struct StateFolder: Sendable {
    package let path: String
    /// Of the coordinator and of everyone it admits over TCP.
    package var keys: String
    package init(_ path: String) {
        self.path = path
        keys = path + "/keys"
    }

    package var database: String { path + "/state.sqlite" }
    /// Optuna's own tables, and `trials.jsonl` of each study in a folder of its name.
    package var studies: String { path + "/studies.sqlite" }
    package var bars: String { path + "/bars.sqlite" }
    package var studyFolder: String { path + "/studies" }
    /// Results of tasks that may be asked for again: see ReuseStore.
    package var reuse: String { path + "/reuse.sqlite" }
    package var blobs: String { path + "/blobs" }
    /// The flight record: see FlightRecorder.
    package var flight: String { path + "/flight" }
    package var log: String { path + "/log.jsonl" }
    /// What local workers say. Renamed to `workers.log.1` at 16 MiB when a supervisor starts.
    package var workerLog: String { path + "/workers.log" }
    package func rotateWorkerLog() {
        let size = (try? FileManager.default.attributesOfItem(atPath: workerLog)[.size] as? Int) ?? 0
        if size > 16 << 20 { _ = unsafe rename(workerLog, workerLog + ".1") }
    }
    package var lockFile: String { path + "/coordinator.lock" }
    /// The ipc endpoint of local workers and commands. A socket's path may have 107 bytes: a state folder deeper than
    /// that gets a folder of the same name's hash under /tmp, of mode 0700.
    package var endpoint: String {
        let direct = path + "/ipc/coordinator"
        if direct.utf8.count <= 100 { return "ipc://" + direct }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "ipc:///tmp/apex-\(geteuid())-\(String(hash, radix: 16))/coordinator"
    }
    package var endpointFolder: String {
        let file = String(endpoint.dropFirst("ipc://".count))
        return String(file[..<file.lastIndex(of: "/")!])
    }

    /// Makes the folders, open to nobody else.
    package func create() throws(JobError) {
        for folder in [path, blobs, keys, endpointFolder] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw JobError(
                    "\(folder): cannot be made (\(error.localizedDescription)); give another place with --state DIR.")
            }
        }
        guard unsafe chmod(endpointFolder, 0o700) == 0 else {
            throw JobError("\(endpointFolder): belongs to somebody else; give another place with --state DIR.")
        }
    }
}

/// Held as long as a coordinator runs: a second one on the same state refuses to start.
package final class StateLock: Sendable {
    private let descriptor: Int32

    package init(_ folder: StateFolder) throws(JobError) {
        let descriptor = unsafe open(folder.lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw JobError("\(folder.lockFile): cannot be opened; check who owns \(folder.path).")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
            close(descriptor)
            let holder = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
            throw JobError(
                "\(folder.path): another coordinator (process \(holder)) runs on this state; stop it first or give "
                    + "another place with --state DIR.")
        }
        let text = Array("\(getpid())".utf8)
        _ = ftruncate(descriptor, 0)
        _ = unsafe pwrite(descriptor, text, text.count, 0)
        self.descriptor = descriptor
    }
    deinit { close(descriptor) }

    /// True while some coordinator runs on the folder.
    package static func isHeld(_ folder: StateFolder) -> Bool {
        let descriptor = unsafe open(folder.lockFile, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }
}
