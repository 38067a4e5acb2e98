import Messages
import ZeroMQ

/// Who says something to the coordinator.
enum Speaker: Equatable {
    /// Through the ipc endpoint, in a folder that only the coordinator's own user can enter.
    case local
    case admitted(Authenticator.Admitted)
    /// Over TCP, with a key that is not listed any more.
    case nobody

    var name: String {
        switch self {
        case .local: "local"
        case .admitted(let holder): (holder.isToken ? "token-" : "") + holder.name
        case .nobody: "nobody"
        }
    }
}

/// Which messages each role may send. Whatever is not granted here is refused.
enum Permissions {
    /// - Returns: why not, for the sender; nil when it may.
    static func refusal(of message: Inbound, from speaker: Speaker) -> String? {
        switch speaker {
        case .local: return nil
        case .nobody: return "this key is not admitted any more."
        case .admitted(let holder) where holder.isToken:
            if case .enrol = message { return nil }
            return "a join line is good for joining, and for nothing else."
        case .admitted(let holder):
            // Asked again by a machine that has its key already: answered with its name.
            if case .enrol = message { return nil }
            if grants(holder.role, message) { return nil }
            return "the key \(holder.name) is a \(holder.role.rawValue)'s, which \(words(holder.role)); "
                + "`apex keys` on the coordinator's machine gives another."
        }
    }

    private static func grants(_ role: Authenticator.Role, _ message: Inbound) -> Bool {
        switch message {
        case .hello, .heartbeat, .outcomes, .draining, .goodbye, .reports, .printed: role == .worker
        case .wantBlob: true
        case .request(_, let request): role == .client || role == .reader && isQuestion(request)
        case .enrol: false
        }
    }

    /// Whether a request leaves everything as it is.
    private static func isQuestion(_ request: Request) -> Bool {
        switch request {
        case .status, .job, .why, .results, .ledger, .output: true
        case .submit, .cancel, .pause, .unpause, .addBudget, .putBlob, .tell: false
        }
    }

    private static func words(_ role: Authenticator.Role) -> String {
        switch role {
        case .worker: "may compute, but neither submit nor ask"
        case .client: "may submit and ask, but not compute"
        case .reader: "may only look"
        }
    }
}
