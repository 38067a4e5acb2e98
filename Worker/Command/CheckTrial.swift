import Blobs
import Foundation
import Glibc
import Jobs
import Messages
import Runners

/// `apex-worker --check-trial FILE`, for `apex study check`: evaluates one trial here and now, without a coordinator.
enum CheckTrial {
    /// Prints the result's bytes to standard output, and reports as lines to standard error.
    /// - Parameter path: of a `Study.Check`.
    static func run(_ path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw JobError("\(path): cannot be read; `apex study check` writes it.")
        }
        let check: Study.Check
        do { check = try Study.Check(wireBytes: [UInt8](data)) } catch {
            throw JobError(error, while: "reading \(path)")
        }
        _ = try RunnerList.prepare()
        let result = try StudyRunner.check(
            check.spec, values: check.values, stage: check.stage, folder: check.folder, blobs: OneBlob(check.universe),
            heard: { report in
                let line = Array("step \(report.step): \(report.value)\n".utf8)
                _ = unsafe write(2, line, line.count)
            })
        FileHandle.standardOutput.write(Data(result.wireBytes))
    }

    /// The universe of a trading algorithm, if the objective is one.
    private struct OneBlob: BlobSource {
        let held: [UInt8]
        init(_ bytes: [UInt8]) { held = bytes }
        func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
            guard BlobID(of: held) == blob else { throw JobError("blob \(blob) was not brought along.") }
            return held
        }
    }
}
