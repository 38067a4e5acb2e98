import Messages

/// Ends of tasks on their way to the coordinator: numbered, and kept until it says that they are stored for good.
/// Pure: told the time, and handing out what to send.
struct Outbox {
    /// One message carries at most about this much: several fit beside one another in the coordinator's batch.
    static let messageBytes = 1 << 20
    static let messageOutcomes = 4096
    /// Messages sent and not yet accepted. More would only wait in the transport's memory, twice.
    static let maximumInFlight = 64
    /// Kept at most before the compute threads must wait.
    static let maximumBytes = 256 << 20
    /// Without an acceptance for so long, a message is sent again.
    static let patienceMilliseconds: Int64 = 2000

    private struct Letter {
        var number: UInt64
        var outcomes: [TaskOutcome]
        var bytes: Int
        var sentAt: Int64?
    }
    private var letters: [Letter] = []  // by number, ascending
    private var lastNumber: UInt64 = 0
    private(set) var bytes = 0

    var isEmpty: Bool { letters.isEmpty }
    var isFull: Bool { bytes > Self.maximumBytes }
    var count: Int { letters.count }
    var held: [ClaimRun] { letters.flatMap { $0.outcomes.map(\.run) } }

    mutating func add(_ outcomes: [TaskOutcome]) {
        var letter = Letter(number: 0, outcomes: [], bytes: 0)
        for outcome in merged(outcomes) {
            let size = outcome.wireSize
            if !letter.outcomes.isEmpty,
                letter.bytes + size > Self.messageBytes || letter.outcomes.count >= Self.messageOutcomes
            {
                append(letter)
                letter = Letter(number: 0, outcomes: [], bytes: 0)
            }
            letter.outcomes.append(outcome)
            letter.bytes += size
        }
        if !letter.outcomes.isEmpty { append(letter) }
    }

    private mutating func append(_ letter: Letter) {
        lastNumber += 1
        var letter = letter
        letter.number = lastNumber
        letters.append(letter)
        bytes += letter.bytes
    }

    /// What to send now, oldest first. `send` says whether the transport took it.
    mutating func send(at now: Int64, _ send: (UInt64, [TaskOutcome]) -> Bool) {
        for at in letters.indices.prefix(Self.maximumInFlight) {
            if let sentAt = letters[at].sentAt, now - sentAt < Self.patienceMilliseconds { continue }
            guard send(letters[at].number, letters[at].outcomes) else { return }
            letters[at].sentAt = now
        }
    }

    mutating func accepted(_ numbers: [UInt64]) {
        let stored = Set(numbers)  // asked, never iterated
        guard !stored.isEmpty else { return }
        letters.removeAll { letter in
            guard stored.contains(letter.number) else { return false }
            bytes -= letter.bytes
            return true
        }
    }

    /// The connection is a new one: nothing is known to have arrived.
    mutating func forgetSending() { for at in letters.indices { letters[at].sentAt = nil } }
}
