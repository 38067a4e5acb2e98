import Configuration
import CoordinatorShell
import Foundation
import Glibc
import Messages
import ZeroMQ

/// `apex keys add-worker`.
enum KeysAddWorker: Subcommand {
    static let name = "add-worker"
    static let summary = "let a machine in that computes: prints the one line to start there"
    static let help = KeysAdd.help(
        .worker, "May take tasks, hand in results and fetch their inputs; may neither submit nor ask.",
        "apex keys add-worker desk-7 --valid 15m")
    static func run(_ arguments: inout Arguments) throws -> ExitCode { try KeysAdd.run(.worker, &arguments) }
}

/// `apex keys add-client`.
enum KeysAddClient: Subcommand {
    static let name = "add-client"
    static let summary = "let somebody submit, cancel and ask from another machine"
    static let help = KeysAdd.help(
        .client, "May submit, cancel and ask everything; may not compute.", "apex keys add-client ada")
    static func run(_ arguments: inout Arguments) throws -> ExitCode { try KeysAdd.run(.client, &arguments) }
}

/// `apex keys add-reader`.
enum KeysAddReader: Subcommand {
    static let name = "add-reader"
    static let summary = "let somebody look from another machine, and change nothing"
    static let help = KeysAdd.help(
        .reader, "May see status, reasons, results and budgets; may change nothing.", "apex keys add-reader wall-screen"
    )
    static func run(_ arguments: inout Arguments) throws -> ExitCode { try KeysAdd.run(.reader, &arguments) }
}

enum KeysAdd {
    static func help(_ role: Authenticator.Role, _ rights: String, _ example: String) -> String {
        """
        usage: apex keys add-\(role.rawValue) NAME [--valid TIME] [--address tcp://HOST:PORT] [--state DIR]
               apex keys add-\(role.rawValue) NAME --key PUBLIC-KEY | --out FOLDER

        Prints one line to be copied to the other machine. It works once, until it expires; the machine makes its own
        key then and shows nobody its secret half. \(rights)

          --valid TIME     how long the line is good, such as 15m, 24h or 3600s (default 1h, at most 720h)
          --address ADDR   where the other machine reaches the coordinator (default: where it listens)
          --key KEY        let in a key that was made elsewhere, instead of a line: its public half, 40 characters
          --out FOLDER     make the pair here, in a new folder to be carried over and named there with --keys
        \(keyPlaceHelp)

        example: \(example)
        """
    }

    static func run(_ role: Authenticator.Role, _ arguments: inout Arguments) throws -> ExitCode {
        let place = try KeyPlace(&arguments)
        let valid = try seconds(try arguments.value("--valid") ?? "1h")
        let given = try arguments.value("--address")
        let key = try arguments.value("--key")
        let folder = try arguments.value("--out").map(absolute)
        let name = try arguments.word("the NAME to let in")
        try arguments.finishWithoutTrailing()
        guard key == nil || folder == nil else { throw UsageError("--key and --out exclude each other.") }
        if let key {
            guard let key = PublicKey(key) else { throw UsageError("--key is no public key; one has 40 characters.") }
            _ = try place.keys.pair()
            try place.keys.list(key, as: name, role)
            print("\(role.rawValue) \(name) is let in")
        } else if let folder {
            try carry(place.keys, folder, name, role)
            print(
                "\(role.rawValue) \(name) is let in, with \(folder), which holds its secret key; name it with --keys there"
            )
        } else {
            let address = try place.address(given)
            let coordinator = try place.keys.pair().publicKey
            let now = UInt64(Date().timeIntervalSince1970)
            let token = try place.keys.invite(name, role, validSeconds: valid, at: now)
            complain("On the other machine, within \(words(valid)), and only once:")
            let line = JoinLine(address: address, coordinator: coordinator, token: token).text
            print((role == .worker ? "apex-worker --join " : "apex keys join ") + line)
        }
        return .done
    }

    private static func carry(_ keys: KeyFolder, _ folder: String, _ name: String, _ role: Authenticator.Role) throws {
        let coordinator = try keys.pair().publicKey
        let machine = MachineKeys(folder, file: role == .worker ? "worker" : "client")
        let known = try? PublicKey(readingFrom: machine.server)
        guard unsafe access(machine.secret, F_OK) != 0, known == nil || known == coordinator else {
            throw JobError("\(folder) holds keys already; give another folder.")
        }
        let pair = try machine.pair()
        try keys.list(pair.publicKey, as: name, role)
        // One folder may hold a worker's key and a client's.
        if unsafe access(machine.server, F_OK) != 0 { try coordinator.write(to: machine.server) }
    }

    private static func seconds(_ text: String) throws -> Int {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()), count > 0,
            count <= KeyFolder.longestValid / unit
        else { throw UsageError("--valid is \(text); give a time such as 15m, 24h or 3600s, at most 720h.") }
        return count * unit
    }

    private static func words(_ seconds: Int) -> String {
        seconds % 3600 == 0 ? "\(seconds / 3600) h" : seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
