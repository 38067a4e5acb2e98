import JSON
import Report

/// `apex lineage`: where a row of a data set comes from.
enum LineageCommand: Subcommand {
    static let name = "lineage"
    static let summary = "say where a row of images, labels or a training set comes from"
    static let help = """
        usage: apex lineage PATH ROW [--json]

        Follows a row back: to the shard it lies in, the shard and row it was copied from, the bars that were drawn or
        labelled, the blob and the files they were read from, who delivered those where that was recorded, and the code
        version of each step. PATH is a shard (FILE.h5), or a job's folder, whose rows count over all shards in the order
        of its manifest. ROW counts from 0. Every shard on the way is compared with the hash in its manifest.

          --json              one JSON object: {"links":[{"schema","shard","row","content_hash","code_version","symbol",
                              "timeframe","time","known_time","input_blob","files"}…]}

        example: apex lineage training 4711
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let path = absolute(try arguments.word("the folder of a job, or a shard of it,"))
        let word = try arguments.word("the row's number")
        try arguments.finishWithoutTrailing()
        guard let row = Int(word), row >= 0 else {
            throw UsageError("\(word) is no row; give its number, from 0.")
        }
        let lineage = try Lineage(path, row: row)
        if json { printJSON(lineage.json) } else { print(lineage.text, terminator: "") }
        return .done
    }
}
