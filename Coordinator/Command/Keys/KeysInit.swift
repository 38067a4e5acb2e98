import CoordinatorShell
import Messages
import ZeroMQ

/// `apex keys init`.
enum KeysInit: Subcommand {
    static let name = "init"
    static let summary = "make this coordinator's own key, before it listens on TCP for the first time"
    static let help = """
        usage: apex keys init [--state DIR | --config cluster.yaml]

        Makes DIR/keys (mode 0700) with the coordinator's pair of keys. Nobody is let in by that.

        \(keyPlaceHelp)

        example: apex keys init --state /var/lib/apex
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let place = try KeyPlace(&arguments)
        try arguments.finishWithoutTrailing()
        try place.state.create()
        let isNew = try place.keys.make()
        print(
            isNew
                ? "made \(place.keys.own); the coordinator may listen on TCP now, and `apex keys add-worker NAME` lets a "
                    + "machine in"
                : "\(place.keys.own) is there already; nothing was changed (`apex keys rotate` makes another)")
        return .done
    }
}

/// `apex keys rotate`.
enum KeysRotate: Subcommand {
    static let name = "rotate"
    static let summary = "replace the coordinator's own key, as when somebody may have seen it"
    static let help = """
        usage: apex keys rotate [--state DIR | --config cluster.yaml] [--address tcp://HOST:PORT]

        The old key's file is gone and so are join lines not used yet; who is let in stays listed. A coordinator that runs
        goes on with the old key, which a thief could use as well, until it is started again: do that at once. From then
        on no other machine reaches it that has not been started once with the line that this prints: it tells the new
        key, and is no secret. Tasks that those machines were running are run again. Where work is under way, stop its
        workers first (they hand in where they are) and start them with the line.

          --address ADDR   where other machines reach the coordinator (default: where it listens)
        \(keyPlaceHelp)

        example: apex keys rotate
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let place = try KeyPlace(&arguments)
        let given = try arguments.value("--address")
        try arguments.finishWithoutTrailing()
        let address = try place.address(given)
        let fresh = try place.keys.rotate()
        let line = JoinLine(address: address, coordinator: fresh.publicKey, token: nil).text
        if StateLock.isHeld(place.state) {
            complain("Start the coordinator again: it goes on with its old key until then, and the line below is void.")
        }
        complain("Then, once on each machine that joined before (`apex keys join` for commands):")
        print("apex-worker --join \(line)")
        return .done
    }
}
