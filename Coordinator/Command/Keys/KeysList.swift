import CoordinatorShell
import Foundation
import JSON
import Messages

/// `apex keys list`.
enum KeysList: Subcommand {
    static let name = "list"
    static let summary = "list who is let in, and join lines that are still good"
    static let help = """
        usage: apex keys list [--json] [--state DIR | --config cluster.yaml]

          --json           {"keys":[{"name","role","key"}],"lines":[{"name","role","expires","used"}]}
        \(keyPlaceHelp)

        example: apex keys list
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let json = arguments.flag("--json")
        let place = try KeyPlace(&arguments)
        try arguments.finishWithoutTrailing()
        _ = try place.keys.pair()
        let keys = try place.keys.admitted().map { (name: $0.value.name, role: $0.value.role.rawValue, key: $0.key) }
            .sorted { ($0.role, $0.name) < ($1.role, $1.name) }
        let now = UInt64(Date().timeIntervalSince1970)
        let tokens = place.keys.listedTokens
        if json {
            printJSON([
                "keys": .array(
                    keys.map {
                        ["name": .string($0.name), "role": .string($0.role), "key": .string($0.key.description)]
                    }),
                "lines": .array(
                    tokens.map {
                        [
                            "name": .string($0.name), "role": .string($0.role.rawValue),
                            "expires": JSONValue(Int($0.expires)), "used": .bool($0.isUsed),
                        ]
                    }),
            ])
            return .done
        }
        let rows = keys.map { [$0.role, $0.name, $0.key.description] }
        let open = tokens.filter { !$0.isUsed && $0.expires > now }.map {
            [$0.role.rawValue, $0.name, "join line, good for \(($0.expires - now + 59) / 60) min"]
        }
        if rows.isEmpty && open.isEmpty {
            print("nobody is let in from other machines; `apex keys add-worker NAME` lets one in")
        } else {
            var table = Table([.init("ROLE"), .init("NAME"), .init("KEY")])
            for row in rows + open { table.add(row) }
            printTable(table)
        }
        return .done
    }
}

/// `apex keys revoke`.
enum KeysRevoke: Subcommand {
    static let name = "revoke"
    static let summary = "turn somebody away for good, at once"
    static let help = """
        usage: apex keys revoke NAME [--state DIR | --config cluster.yaml]

        A running coordinator cuts the live connection within a second; the tasks its workers hold go on elsewhere, and
        what they still send changes nothing. Join lines of that name are void. The public key is kept in DIR/keys/revoked.

        \(keyPlaceHelp)

        example: apex keys revoke desk-7
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let place = try KeyPlace(&arguments)
        let name = try arguments.word("the NAME to turn away")
        try arguments.finishWithoutTrailing()
        _ = try place.keys.pair()
        let (roles, tokens) = try place.keys.revoke(name)
        guard !roles.isEmpty || tokens > 0 else {
            throw JobError("nobody is called \(name); `apex keys list` shows who is let in.")
        }
        for role in roles { print("\(role.rawValue) \(name) is turned away") }
        if tokens > 0 { print("\(tokens) join line\(tokens == 1 ? "" : "s") for \(name) void") }
        return .done
    }
}
