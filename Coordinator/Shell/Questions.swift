import Messages

/// What was asked and changes nothing in the core, waiting for its answer. In each turn of the loop every connection
/// gets one answer, or a few chunks of blobs, those first that have least waiting: whoever asks much waits for its own
/// answers, others for one of them at most.
struct Questions {
    typealias Question = (connection: UInt64, message: Inbound)

    /// Of one connection. An honest command waits for each answer, an honest worker has eight chunks under way.
    private static let waitingRequests = 8
    private static let waitingChunks = 32
    /// A chunk is quickly read; four are a megabyte.
    private static let chunksPerTurn = 4

    private var waiting: [Question] = []
    private var counts: [UInt64: (requests: Int, chunks: Int)] = [:]

    var isEmpty: Bool { waiting.isEmpty }

    /// Whether so much of this connection waits already that it is not to ask more.
    func isFull(for message: Inbound, of connection: UInt64) -> Bool {
        guard let count = counts[connection] else { return false }
        return switch message {
        case .wantBlob: count.chunks >= Self.waitingChunks
        case .request: count.requests >= Self.waitingRequests
        default: false
        }
    }
    mutating func add(_ message: Inbound, of connection: UInt64) {
        count(message, connection, 1)
        waiting.append((connection, message))
    }

    /// The oldest of each connection; of connections with as much waiting in the order in which they came.
    mutating func takeTurn() -> [Question] {
        guard !waiting.isEmpty else { return [] }
        var turn: [(question: Question, waiting: Int)] = []
        let counts = counts
        var left: [Question] = []
        var taken: [UInt64: Int] = [:]
        for question in waiting {
            let share = taken[question.connection, default: 0]
            let cost = question.message.isChunk ? 1 : Self.chunksPerTurn
            guard share + cost <= Self.chunksPerTurn else {
                // What it asked later stays behind it.
                taken[question.connection] = Self.chunksPerTurn
                left.append(question)
                continue
            }
            taken[question.connection] = share + cost
            let waiting = counts[question.connection].map { $0.requests + $0.chunks } ?? 0
            turn.append((question, waiting))
            count(question.message, question.connection, -1)
        }
        waiting = left
        // Stable, so that a connection's chunks stay in order.
        return turn.enumerated().sorted { ($0.element.waiting, $0.offset) < ($1.element.waiting, $1.offset) }
            .map(\.element.question)
    }

    private mutating func count(_ message: Inbound, _ connection: UInt64, _ more: Int) {
        var count = counts[connection] ?? (0, 0)
        if message.isChunk { count.chunks += more } else { count.requests += more }
        counts[connection] = count == (0, 0) ? nil : count
    }
}

extension Inbound {
    fileprivate var isChunk: Bool { if case .wantBlob = self { true } else { false } }
}
