import Blobs
import Glibc
import Jobs
import Messages
import Shards

/// Puts finished files into a job's folder: whole or not at all, and never over another's.
package struct ShardPlace {
    package let folder: String
    private let temporary: String

    /// - Parameter folder: absolute; made when it is missing.
    package init(folder: String) throws(JobError) {
        guard folder.hasPrefix("/") else { throw JobError("the folder \(folder) is not an absolute path.") }
        self.folder = folder
        // A task that is handed out twice may run twice at a time.
        temporary = "\(folder)/.tmp/\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try attempt { () throws(ShardError) in try DurableFiles.makeFolder(temporary) }
    }

    /// Removes what is not finished.
    package func close() { DurableFiles.removeTree(temporary) }

    /// Writes one shard and gives it its name.
    ///
    /// A shard of that name with the same bytes is left as it is; one with other bytes is an error.
    /// - Parameters: path: in the folder. write: fills the columns.
    package func shard(
        _ path: String, columns: [ShardColumn], rows: Int, attributes: [ShardAttribute], times: ClosedRange<Int64>,
        write: (inout ShardWriter) throws(ShardError) -> Void
    ) throws(JobError) -> ShardFile {
        try attempt { () throws(ShardError) in
            let made = temporary + "/shard.h5"
            DurableFiles.removeTree(made)
            var writer = try ShardWriter(temporary: made, columns: columns, rows: rows, attributes: attributes)
            try write(&writer)
            let content = try writer.finish()
            let (hash, bytes) = try DurableFiles.hash(of: made)
            let final = folder + "/" + path
            if DurableFiles.exists(final) {
                guard try DurableFiles.hash(of: final).hash == hash else {
                    throw ShardError(
                        .differs,
                        "\(final): a shard of that name with other contents is there already; give another --out "
                            + "folder, or remove it.")
                }
            } else {
                try DurableFiles.makeFolder(DurableFiles.folder(of: final))
                try DurableFiles.publish(made, as: final)
            }
            return ShardFile(
                path: path, rows: rows, bytes: bytes, hash: hash, contentHash: content,
                firstTime: times.lowerBound, lastTime: times.upperBound)
        }
    }

    /// Writes the files that say that all the others are there, and removes what workers that died left unfinished.
    package static func close(_ folder: String, _ files: [OutputFile], _ blobs: any BlobSource) throws(JobError) {
        let place = try ShardPlace(folder: folder)
        for file in files { try place.file(file.name, try blobs.bytes(of: file.bytes)) }
        DurableFiles.removeTree(folder + "/.tmp")
    }

    /// A small file, over one of the same name.
    private func file(_ name: String, _ bytes: [UInt8]) throws(JobError) {
        try attempt { () throws(ShardError) in try DurableFiles.write(bytes, to: folder + "/" + name) }
    }

    private func attempt<Value>(_ body: () throws(ShardError) -> Value) throws(JobError) -> Value {
        do throws(ShardError) { return try body() } catch { throw JobError(error.description) }
    }
}
