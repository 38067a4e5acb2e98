import CoordinatorShell
import JSON
import Messages

/// `apex replay`: every decision of a coordinator again, from its flight record.
enum ReplayCommand: Subcommand {
    static let name = "replay"
    static let summary = "take every recorded decision of a coordinator again, and compare"
    static let help = """
        usage: apex replay DIR [--json]

        A coordinator records what it was told in flight/ of its state folder. This hands the same events, at the same
        moments, to the same core, and compares what it decides, the hashes of its state that were recorded, and the
        state.sqlite beside it when no coordinator runs there. DIR is a state folder, or a run that holds one. A copy of
        the folder does as well, on any machine. The record holds what state.sqlite holds: the specs of jobs among it.

          --json     {"same","events","batches","hash","difference","parts":[{"file","version","events","batches",
                     "milliseconds","start_hash","end_hash","hashes_compared"}…]}

        Exit code 0 when all is the same, 1 when something differs.

        example: apex replay ~/.local/state/apex
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let path = absolute(try arguments.word("the state folder"))
        try arguments.finishWithoutTrailing()
        let replay = try FlightReplay(of: path)
        if json { printJSON(object(replay)) } else { describe(replay) }
        return replay.difference == nil ? .done : .failed
    }

    private static func object(_ replay: FlightReplay) -> JSONValue {
        [
            "same": .bool(replay.difference == nil),
            "events": JSONValue(replay.parts.reduce(0) { $0 + $1.events }),
            "batches": JSONValue(replay.parts.reduce(0) { $0 + $1.batches }),
            "hash": .string(hex(replay.parts.last?.endHash ?? 0)),
            "difference": replay.difference.map { .string($0) } ?? .null,
            "parts": .array(
                replay.parts.map { part in
                    [
                        "file": .string(part.file), "version": .string(part.version),
                        "events": JSONValue(part.events), "batches": JSONValue(part.batches),
                        "milliseconds": JSONValue(part.milliseconds), "start_hash": .string(hex(part.startHash)),
                        "end_hash": .string(hex(part.endHash)), "hashes_compared": JSONValue(part.hashes),
                    ]
                }),
        ]
    }

    private static func describe(_ replay: FlightReplay) {
        for part in replay.parts {
            let foreign = part.version == codeVersion ? "" : ", recorded by apex \(part.version)"
            let last = part.unconfirmedFrom == nil ? "" : "; nothing says that its last batch was stored"
            print(
                "\(part.file): \(part.events) events in \(part.batches) batches, \(part.milliseconds / 1000) s, "
                    + "\(part.hashes) hashes the same, state \(hex(part.endHash))\(foreign)\(last)")
        }
        let total = replay.parts.reduce(0) { $0 + $1.events }
        if let difference = replay.difference {
            print("\(total) events; the first difference is in \(difference)")
        } else {
            let store = replay.storeHash == nil ? "" : ", which is what state.sqlite holds"
            print(
                "\(total) events, every decision the same; the state is \(hex(replay.parts.last?.endHash ?? 0))\(store)"
            )
        }
    }
}
