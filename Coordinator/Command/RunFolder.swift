import Blobs
import CoordinatorShell
import Foundation
import Glibc
import JSON
import Jobs
import Messages

/// A weekend's folder: its results, and under `state/` what a resume needs.
struct RunFolder {
    let path: String
    init(_ path: String) { self.path = absolute(path) }

    var state: StateFolder { StateFolder(path + "/state") }
    var database: String { path + "/run.sqlite" }
    var reportHTML: String { path + "/report.html" }
    private var manifestPath: String { path + "/state/weekend.json" }

    /// What makes this run this run, and where its job is. Written before the job is submitted.
    struct Manifest: Codable, Equatable {
        var format = 1
        /// What the answer depends on: another value is another run.
        var identity: Identity
        /// How the submit is recognised when it is repeated.
        var token: UInt64
        /// Wall-clock milliseconds granted so far.
        var budgetMilliseconds: UInt64
        /// Budget that somebody asked for and the cluster has not acknowledged.
        var addition: Addition?
        /// `tcp://…` of a running cluster; nil for a private one under `state/`.
        var coordinator: String?
        var keys: String?
        var command: String
        var started: String
        var universe: String
        var sizes: [UInt8]
        var notes: InputNotes
        /// Slots that worked on it, once it is over.
        var slots: Int?

        /// The job of this run; its universe is a blob that the coordinator has.
        func submission(_ folder: RunFolder) throws -> Submission {
            guard let blob = BlobID(universe) else {
                throw JobError("\(folder.path): its record names no universe; start again in another --out DIR.")
            }
            let spec = Weekend.Spec(
                variations: Variations.Spec(
                    universe: blob, seed: identity.seed, cycles: UInt32(identity.cycles),
                    batch: UInt32(identity.batch), windowBars: identity.window),
                sizes: identity.sizes, keep: UInt32(identity.keep))
            return Submission(
                token: token, kind: Weekend.name, spec: spec.wireBytes, name: folder.path,
                budgetMilliseconds: budgetMilliseconds)
        }
    }
    /// Written before the cluster is asked, so that a repeat after a crash is the same addition.
    struct Addition: Codable, Equatable {
        var token: UInt64
        var milliseconds: UInt64
    }
    struct Identity: Codable, Equatable {
        /// Hash of the file's bytes, decompressed, or of the demo's.
        var barsHash: String
        var weekEnding: String
        var seed: UInt64
        var cycles: Int
        var batch: Int
        var universe: Int
        /// Bars in one of the five windows.
        var window: Int
        var sizes: [UInt8]
        var keep: Int
    }
    /// What was rejected on the way in, kept for the report.
    struct InputNotes: Codable, Equatable {
        struct Row: Codable, Equatable {
            var reason: String
            var count: Int
            var firstLine: Int
        }
        struct Symbol: Codable, Equatable {
            var reason: String
            var count: Int
        }
        var bars: String
        var isDemo: Bool
        var rows: Int
        var symbols: Int
        var eligible: Int
        var rejectedRows: [Row]
        var rejectedSymbols: [Symbol]

        /// What was read and what was left out, line by line.
        func words(universe: Int) -> [String] {
            let head = "\(rows) rows of \(symbols) symbols; \(eligible) symbols pass the rules, \(universe) are drawn."
            guard !rejectedRows.isEmpty else { return [head] }
            let sum = rejectedRows.reduce(0) { $0 + $1.count }
            return [head, "rows left out: \(sum)"]
                + rejectedRows.map { "  \($0.count) × \($0.reason), first in line \($0.firstLine)" }
        }
    }

    func manifest() throws -> Manifest? {
        guard let data = FileManager.default.contents(atPath: manifestPath) else { return nil }
        do { return try JSONDecoder().decode(Manifest.self, from: data) } catch {
            throw JobError("\(manifestPath): cannot be read (\(error)); it was written by another version of apex.")
        }
    }

    /// Whole or not at all, and on the disk when this returns.
    func write(_ manifest: Manifest) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try write(Array(try encoder.encode(manifest)), to: manifestPath)
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = path + ".new"
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        func failure(_ what: String) -> JobError {
            JobError(
                "\(path): \(what): \(unsafe String(cString: strerror(errno))); free some space or check the folder.")
        }
        guard file >= 0 else { throw failure("cannot be written") }
        defer { close(file) }
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress! + offset, bytes.count - offset)
            }
            guard count > 0 else { throw failure("cannot be written") }
            offset += count
        }
        guard fsync(file) == 0, unsafe rename(temporary, path) == 0 else { throw failure("cannot be put in its place") }
    }

    /// True when there is something here that is no run of ours: it is left alone.
    var holdsSomethingElse: Bool {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return !entries.isEmpty && !entries.contains("state")
    }
}
