import Blobs
import CoordinatorShell
import Foundation
import Messages
import ZeroMQ

/// A command's connection to a coordinator. Asks, and waits for the answer; asks again when the coordinator was away.
final class Client {
    private let endpoint: String
    private let options: SocketOptions
    private var socket: Socket
    /// Over TCP: tells when the coordinator refuses our key.
    private var events: Monitor?
    private var number: UInt64 = 0
    /// Of the protocol: an older coordinator's, once it was heard.
    private var version = Frame.protocolVersion
    /// How long an unanswered question is repeated before the command gives up.
    var patience: Duration
    /// Called several times a second while an answer is awaited; what it throws ends the wait.
    var whileWaiting: () throws -> Void = {}

    /// - Parameters:
    ///   - place: where the coordinator is.
    ///   - patience: how long it may be away.
    init(_ place: Place, patience: Duration = .seconds(5)) throws {
        endpoint = place.endpoint
        var options = SocketOptions.messages(upTo: Frame.maximumBytes)
        options.queuesBeforeConnected = true
        options.lingerMilliseconds = 100
        options.security = try place.security()
        self.options = options
        self.patience = patience
        socket = try Socket(.dealer, options: options)
        try connect()
    }

    private func connect() throws(ZeroMQError) {
        events = try endpoint.hasPrefix("tcp://") ? Monitor(socket) : nil
        try socket.connect(endpoint)
    }

    /// - Throws: when the coordinator refuses, in its words, or does not answer in time.
    func ask(_ request: Request) throws -> Reply {
        number += 1
        let answer = try exchange(.request(number: number, request)) { message in
            if case .reply(self.number, let reply) = message { reply } else { nil }
        }
        if case .refused(let words) = answer { throw JobError(words) }
        return answer
    }

    /// Sends until an answer fits. A coordinator that restarts forgets nothing it acknowledged, so asking twice is safe.
    private func exchange<Answer>(_ question: Inbound, _ read: (Outbound) -> Answer?) throws -> Answer {
        let deadline = ContinuousClock.now + patience
        var refusals = 0
        asking: repeat {
            _ = try socket.send([Frame.encode(question, version: version)])
            let attempt = min(ContinuousClock.now + .seconds(2), deadline)
            var poller = Poller()
            let readable = poller.add(socket)
            while ContinuousClock.now < attempt {
                try whileWaiting()
                try poller.wait(milliseconds: min(100, max(1, Int((attempt - .now) / .milliseconds(1)))))
                if let events, events.counts.refusals > 0 {
                    // Not the first one: a refusal is not signed.
                    refusals += 1
                    guard refusals < 3 else { throw refused }
                    // Nothing rings when it would be let in: whoever is asked too often is a flood.
                    usleep(200_000)
                    break
                }
                guard poller.isReadable(readable), let receipt = try socket.receive() else { continue }
                guard case .message(let message) = receipt, message.frames.count == 1 else { continue }
                let outbound: Outbound
                do { outbound = try Frame.decode(Outbound.self, message.frames[0]) } catch {
                    throw JobError("the coordinator at \(endpoint) answers in another protocol: \(error).")
                }
                if let spoken = Frame.version(of: message.frames[0]), spoken < version {
                    // It is older, and could not read the question.
                    version = spoken
                    if case .refused = outbound { continue asking }
                }
                if case .refused(let words) = outbound { throw JobError(words) }
                if let answer = read(outbound) { return answer }
            }
            // A fresh connection: the old one may lead to a coordinator that is gone.
            if ContinuousClock.now < deadline {
                socket = try Socket(.dealer, options: options)
                try connect()
            }
        } while ContinuousClock.now < deadline
        throw JobError(
            "no coordinator answers at \(endpoint); start one with `apex up`, or name another with --state or "
                + "--coordinator.")
    }

    private var refused: JobError {
        JobError(
            "the coordinator at \(endpoint) refuses this machine's key: it was revoked, or never let in; `apex keys "
                + "add-client NAME` on the coordinator's machine prints the line to join with.")
    }

    // MARK: - Questions with typed answers

    func submit(_ submission: Submission) throws -> JobID {
        guard case .submitted(let job) = try ask(.submit(submission)) else { throw unexpected }
        return job
    }
    func status() throws -> ClusterStatus {
        guard case .status(let status) = try ask(.status) else { throw unexpected }
        return status
    }
    func job(_ job: JobID) throws -> JobStatus {
        guard case .job(let status) = try ask(.job(job)) else { throw unexpected }
        return status
    }
    func ledger(of job: JobID) throws -> [LedgerEntry] {
        var entries: [LedgerEntry] = []
        while true {
            guard case .ledger(let more) = try ask(.ledger(job, from: UInt32(entries.count))) else { throw unexpected }
            entries += more
            if more.isEmpty { return entries }
        }
    }
    private var unexpected: JobError {
        JobError("the coordinator's answer does not fit the question; is it another version?")
    }

    // MARK: - Blobs

    private static let chunkBytes = 256 << 10

    /// Brings a blob to the coordinator.
    @discardableResult func put(_ bytes: [UInt8]) throws -> BlobID {
        let id = BlobID(of: bytes)
        var offset = 0
        repeat {
            let chunk = Array(bytes[offset..<min(offset + Self.chunkBytes, bytes.count)])
            let request = Request.putBlob(id, total: UInt64(bytes.count), offset: UInt64(offset), chunk)
            guard case .blobReceived(let received) = try ask(request) else { throw unexpected }
            offset = Int(received)
        } while offset < bytes.count
        return id
    }

    /// Fetches a blob from the coordinator, and checks it against its name.
    func blob(_ id: BlobID) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var total = 1
        while bytes.count < total {
            let offset = UInt64(bytes.count)
            let question = Inbound.wantBlob(id, offset: offset, count: UInt32(Self.chunkBytes))
            let chunk: (total: UInt64, bytes: [UInt8])? = try exchange(question) { message in
                switch message {
                case .blobChunk(id, offset, let total, let bytes): .some((total, bytes))
                case .blobMissing(id): .some(nil)
                default: nil
                }
            }
            guard let chunk else { throw JobError("the coordinator no longer has the blob \(id).") }
            total = Int(chunk.total)
            bytes += chunk.bytes
            if chunk.bytes.isEmpty { break }
        }
        guard BlobID(of: bytes) == id else { throw JobError("the blob \(id) arrived damaged; try again.") }
        return bytes
    }
}

/// Where a coordinator is.
enum Place {
    /// On this machine, by its state folder.
    case local(StateFolder)
    /// Elsewhere: `tcp://host:port`, with keys from `keys`.
    case remote(String, keys: String)

    /// From `--state`, `--coordinator`, `--keys` and their environment variables. Takes the options.
    static func from(_ arguments: inout Arguments) throws -> Place {
        let environment = ProcessInfo.processInfo.environment
        let state = try arguments.value("--state")
        let keys = try arguments.value("--keys") ?? environment["APEX_KEYS"]
        if let address = try arguments.value("--coordinator") ?? (state == nil ? environment["APEX_COORDINATOR"] : nil)
        {
            return try at(address, keys: keys)
        }
        return .local(StateFolder(absolute(state ?? defaultState)))
    }

    static func at(_ address: String, keys: String?) throws -> Place {
        if address.hasPrefix("ipc://") { return .remote(address, keys: "") }
        guard address.hasPrefix("tcp://") else {
            throw UsageError("--coordinator is \(address); give tcp://HOST:PORT or ipc://PATH.")
        }
        let keys = keys.map(absolute) ?? defaultKeys
        guard MachineKeys(keys, file: "client").isMade else {
            throw UsageError(
                "\(address) wants keys, and \(keys) has none; run `apex keys add-client NAME` on the coordinator's machine "
                    + "and the line it prints here, or name a folder with --keys or APEX_KEYS.")
        }
        return .remote(address, keys: keys)
    }

    /// Where `apex keys join` keeps a machine's key.
    static var defaultKeys: String {
        let environment = ProcessInfo.processInfo.environment
        if let keys = environment["APEX_KEYS"] { return keys }
        return (environment["XDG_CONFIG_HOME"] ?? (environment["HOME"] ?? "/tmp") + "/.config") + "/apex"
    }

    static var defaultState: String {
        let environment = ProcessInfo.processInfo.environment
        return environment["APEX_STATE"] ?? (environment["HOME"] ?? "/tmp") + "/.local/state/apex"
    }

    var endpoint: String {
        switch self {
        case .local(let folder): folder.endpoint
        case .remote(let address, _): address
        }
    }
    func security() throws -> SocketOptions.Security {
        guard case .remote(let address, let keys) = self, address.hasPrefix("tcp://") else { return .none }
        return .client(
            try KeyPair(readingFrom: keys + "/client"), server: try PublicKey(readingFrom: keys + "/coordinator.pub"))
    }
}

func absolute(_ path: String) -> String {
    let expanded = NSString(string: path).expandingTildeInPath
    return URL(fileURLWithPath: expanded).standardizedFileURL.path
}
