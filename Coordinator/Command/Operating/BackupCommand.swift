import CoordinatorShell
import Foundation
import Glibc
import JSON
import Messages

/// `apex backup`: a verified copy of a coordinator's state, while it runs.
enum BackupCommand: Subcommand {
    static let name = "backup"
    static let summary = "copy a coordinator's state, while it runs, and verify the copy"
    static let help = """
        usage: apex backup FOLDER [--state DIR] [--no-keys] [--json]

        Copies jobs, results and studies as they are between two commits, then blobs and keys, checks every database and
        every blob of the copy, and only then gives it its name: a FOLDER that is there is whole. The coordinator goes on
        meanwhile. FOLDER must not exist. It holds the coordinator's secret keys, so keep it as safe as those.

          --state DIR  the state to copy (default $APEX_STATE, else ~/.local/state/apex)
          --no-keys    leave the keys out: after a restore every other machine has to join anew
          --json       one JSON object: {"folder","files","bytes","blobs"}

        example: apex backup /backups/apex-monday --state /var/lib/apex
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let withoutKeys = arguments.flag("--no-keys")
        let state = StateFolder(absolute(try arguments.value("--state") ?? Place.defaultState))
        let target = absolute(try arguments.word("the folder to copy to"))
        try arguments.finishWithoutTrailing()
        let copy = try StateCopy.backup(state, to: target, withKeys: !withoutKeys)
        if json {
            printJSON([
                "folder": .string(target), "files": JSONValue(copy.files), "bytes": JSONValue(copy.bytes),
                "blobs": JSONValue(copy.blobs),
            ])
        } else {
            print(
                "\(target): \(counted(copy.files, "file")), \(bytesText(UInt64(copy.bytes))), \(counted(copy.blobs, "blob")); verified"
            )
        }
        return .done
    }
}

/// `apex restore`: a coordinator's state from a backup.
enum RestoreCommand: Subcommand {
    static let name = "restore"
    static let summary = "make a coordinator's state from a backup"
    static let help = """
        usage: apex restore BACKUP [--state DIR] [--json]

        Verifies the backup and copies it to a state folder, which must hold no state yet. Start the coordinator there
        afterwards: jobs go on from the moment of the backup.

          --state DIR  where to (default $APEX_STATE, else ~/.local/state/apex)
          --json       one JSON object: {"folder","files","bytes","blobs"}

        example: apex restore /backups/apex-monday --state /var/lib/apex
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let state = StateFolder(absolute(try arguments.value("--state") ?? Place.defaultState))
        let backup = absolute(try arguments.word("the backup's folder"))
        try arguments.finishWithoutTrailing()
        let copy = try StateCopy.restore(backup, to: state)
        if json {
            printJSON([
                "folder": .string(state.path), "files": JSONValue(copy.files), "bytes": JSONValue(copy.bytes),
                "blobs": JSONValue(copy.blobs),
            ])
        } else {
            print(
                "\(state.path): \(counted(copy.files, "file")), \(bytesText(UInt64(copy.bytes))), \(counted(copy.blobs, "blob")); verified"
            )
            print("start it with: apex coordinator --state \(state.path)")
        }
        return .done
    }
}
