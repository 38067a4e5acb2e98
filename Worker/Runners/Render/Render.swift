import Jobs
import Market
import Messages
import Shards

/// Draws one shard, or writes what says that all are there.
package enum RenderRunner: Runner {
    package typealias Kind = Render

    package static func run(_ task: Render.Task, index: UInt32, context: RunContext) throws(JobError) -> Render.Result {
        do {
            switch task {
            case .shard(let shard):
                let market = try context.decoded(shard.series) { bytes throws(JobError) in
                    try ChartMarket(bytes, name: shard.series)
                }
                let events = try context.decoded(shard.events) { bytes throws(JobError) in
                    do throws(WireError) { return try ChartEvents(wireBytes: bytes) } catch {
                        throw JobError(error, while: "reading the events \(shard.events)")
                    }
                }
                let rows = try ChartRows(shard, market, events)
                return .shard(try ChartShard(shard, rows, index: index).write(isCancelled: context.isCancelled))
            case .close(let folder, let files):
                for file in files {
                    try DurableFiles.write(try context.blobs.bytes(of: file.bytes), to: folder + "/" + file.name)
                }
                // What tasks left behind that were killed or overtaken.
                ChartShard.removeTemporaryFiles(in: folder)
                return .closed
            }
        } catch let error as JobError {
            throw error
        } catch {
            throw JobError("\(error)")
        }
    }
}
