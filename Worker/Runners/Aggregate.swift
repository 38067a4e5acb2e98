import Datasets
import Jobs
import Messages

/// Looks through shards, and writes those of training sets.
package enum AggregateRunner: Runner {
    package typealias Kind = Aggregate

    package static func run(_ task: Aggregate.Task, index: UInt32, context: RunContext) throws(JobError)
        -> Aggregate.Result
    {
        switch task {
        case .scan(let shard): return .scan(try ShardScan.scan(shard))
        case .write(let task): return .written(try TrainingShard.write(task))
        case .close(let folder, let files):
            try ShardPlace.close(folder, files, context.blobs)
            return .closed
        }
    }
}
