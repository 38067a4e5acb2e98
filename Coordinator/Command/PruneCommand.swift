import Configuration
import Foundation
import JSON
import Messages
import Retention

/// `apex prune`: removes what jobs left behind long ago.
enum PruneCommand: Subcommand {
    static let name = "prune"
    static let summary = "remove pictures, shards and training sets that are older than they are kept"
    static let help = """
        usage: apex prune DIR… [--apply] [OPTIONS]

        Says what below the folders is older than its kind is kept, and with --apply removes it. A file that a manifest
        names goes only after that manifest was written anew without it, and what another job's manifest counts among
        its inputs stays as long as that manifest does. Links are not followed.

          --apply             remove; without it nothing is touched
          --png-days N        pictures (default 30)
          --tensor-days N     shards of images (default 180)
          --dataset-days N    labels and training sets (default 365)
          --config FILE       other defaults for these: the section retention of cluster.yaml
          --json              one JSON object: {"applied","items","files","bytes","protected","by_kind","warnings"}

        example: apex prune /data/charts /data/training --apply
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let isApplied = arguments.flag("--apply")
        var policy = RetentionPolicy()
        if let path = try arguments.value("--config") {
            let settings = try Configuration(readingFrom: path).retention
            policy = RetentionPolicy(
                pngDays: settings.pngDays, tensorDays: settings.tensorDays, datasetDays: settings.datasetDays)
        }
        policy.pngDays = try arguments.integer("--png-days", 0...100_000) ?? policy.pngDays
        policy.tensorDays = try arguments.integer("--tensor-days", 0...100_000) ?? policy.tensorDays
        policy.datasetDays = try arguments.integer("--dataset-days", 0...100_000) ?? policy.datasetDays
        var roots: [String] = []
        while let root = arguments.optionalWord() { roots.append(absolute(root)) }
        try arguments.finishWithoutTrailing()
        guard !roots.isEmpty else { throw UsageError("no folder is named; say where to look, as apex prune /data.") }

        let progress = Progress()
        let plan = try Retention(roots: roots, policy: policy, now: Date()) {
            progress.show("looking", done: UInt64($0), total: 0, unit: "files", note: "")
        }
        progress.end()
        for warning in plan.warnings { complain("apex prune: \(warning)") }
        if isApplied {
            try plan.apply {
                progress.show("removing", done: UInt64($0), total: UInt64(plan.items.count), unit: "items", note: "")
            }
            progress.end()
        }
        let bytes = plan.items.reduce(0) { $0 + $1.bytes }
        let files = plan.items.reduce(0) { $0 + $1.files }
        if json {
            printJSON(object(plan, isApplied: isApplied, files: files, bytes: bytes))
            return .done
        }
        for kind in ProductKind.allCases {
            let items = plan.items.filter { $0.kind == kind }
            guard !items.isEmpty else { continue }
            print(
                "\(kind.rawValue), \(policy.days(kind)) days and older: \(counted(items.reduce(0) { $0 + $1.files }, "file")), "
                    + "\(bytesText(UInt64(items.reduce(0) { $0 + $1.bytes })))")
            for item in items.prefix(10) { print("  \(item.ageDays) days  \(item.path)") }
            if items.count > 10 { print("  … and \(items.count - 10) more") }
        }
        if !plan.protected.isEmpty {
            print("kept although as old, because a manifest names them: \(counted(plan.protected.count, "item"))")
        }
        let sum = "\(counted(files, "file")), \(bytesText(UInt64(bytes)))"
        print(isApplied ? "removed \(sum)." : "would remove \(sum); --apply does.")
        return .done
    }

    private static func object(_ plan: Retention, isApplied: Bool, files: Int, bytes: Int64) -> JSONValue {
        [
            "applied": .bool(isApplied), "items": JSONValue(plan.items.count), "files": JSONValue(files),
            "bytes": .integer(bytes), "protected": .array(plan.protected.map { .string($0.path) }),
            "by_kind": .object(
                ProductKind.allCases.map { kind in
                    let items = plan.items.filter { $0.kind == kind }
                    return JSONValue.Member(
                        key: kind.rawValue,
                        value: [
                            "files": JSONValue(items.reduce(0) { $0 + $1.files }),
                            "bytes": .integer(items.reduce(0) { $0 + $1.bytes }),
                            "paths": .array(items.map { .string($0.path) }),
                        ])
                }), "warnings": .array(plan.warnings.map { .string($0) }),
        ]
    }
}
