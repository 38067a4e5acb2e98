import Messages
import TestSupport
import Testing

@testable import CoordinatorShell

/// Whose question is answered next.
struct QuestionsTests {
    private let chunk = Inbound.wantBlob(BlobID(of: []), offset: 0, count: 1)

    @Test func `an honest question waits for one of each other at most, and goes first beside many of one`() {
        var questions = Questions()
        for connection in 1...20 as ClosedRange<UInt64> {
            for number in 0..<8 as Range<UInt64> {
                questions.add(.request(number: number, .status), of: connection)
            }
        }
        questions.add(.request(number: 77, .status), of: 99)
        let turn = questions.takeTurn()
        #expect(turn.map(\.connection) == [99] + Array(1...20))
        #expect(questions.takeTurn().map(\.connection) == Array(1...20))
    }

    @Test func `nobody has more waiting than its share, and answers make room`() {
        var questions = Questions()
        let request = Inbound.request(number: 1, .status)
        for _ in 0..<8 { questions.add(request, of: 1) }
        for _ in 0..<32 { questions.add(chunk, of: 1) }
        #expect(questions.isFull(for: request, of: 1) && questions.isFull(for: chunk, of: 1))
        #expect(!questions.isFull(for: request, of: 2) && !questions.isFull(for: .goodbye(worker: WorkerID(1)), of: 1))
        _ = questions.takeTurn()
        #expect(!questions.isFull(for: request, of: 1) && questions.isFull(for: chunk, of: 1))
        var turns = 1
        while !questions.isEmpty {
            _ = questions.takeTurn()
            turns += 1
        }
        #expect(turns == 8 + 8)
    }

    @Test(arguments: seeds(8)) func `every question is answered once, each connection's in order`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var questions = Questions()
        var asked: [UInt64: [UInt64]] = [:]
        var answered: [UInt64: [UInt64]] = [:]
        var number: UInt64 = 0
        for turn in 0..<5000 {
            for _ in 0..<(turn < 4000 ? Int.random(in: 0...6, using: &random) : 0) {
                let connection = UInt64.random(in: 0..<12, using: &random)
                number += 1
                let message =
                    Bool.random(using: &random)
                    ? Inbound.request(number: number, .status)
                    : .wantBlob(BlobID(of: []), offset: number, count: 1)
                guard !questions.isFull(for: message, of: connection) else { continue }
                questions.add(message, of: connection)
                asked[connection, default: []].append(number)
            }
            var costs: [UInt64: Int] = [:]
            for (connection, message) in questions.takeTurn() {
                switch message {
                case .request(let number, _):
                    answered[connection, default: []].append(number)
                    costs[connection, default: 0] += 4
                case .wantBlob(_, let number, _):
                    answered[connection, default: []].append(number)
                    costs[connection, default: 0] += 1
                default: Issue.record("not a question")
                }
            }
            #expect(costs.values.allSatisfy { $0 <= 4 }, "seed \(seed)")
        }
        #expect(questions.isEmpty && asked == answered, "seed \(seed)")
    }
}
