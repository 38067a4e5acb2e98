import CoordinatorShell
import Messages

/// `apex keys`: who may connect from other machines. Each of its own subcommands is in this folder.
enum KeysCommand: SubcommandGroup {
    static let name = "keys"
    static let summary = "let other machines in over TCP, see who is let in, and turn them away"

    /// In the order people meet them.
    static var subcommands: [any Subcommand.Type] {
        [
            KeysInit.self, KeysAddWorker.self, KeysAddClient.self, KeysAddReader.self, KeysJoin.self, KeysList.self,
            KeysRevoke.self, KeysRotate.self,
        ]
    }

    static var help: String {
        """
        usage: apex keys COMMAND [NAME] [--state DIR | --config cluster.yaml] [OPTIONS]

        \(listing(of: subcommands))

        One machine alone needs none of this. These commands change files in DIR/keys, on the coordinator's
        machine; a running coordinator follows at once. Secret keys never leave the machine that made them.

        example: apex keys init
                 apex up --listen tcp://10.0.0.5:7117 &
                 apex keys add-worker desk-7      prints the line to start on the other machine
        `apex keys COMMAND --help` shows the rest.
        """
    }
}

let keyPlaceHelp = """
      --state DIR      the coordinator's state (default: of FILE, $APEX_STATE, else ~/.local/state/apex)
      --config FILE    the coordinator's cluster.yaml, where it names a state or a folder of keys
    """
