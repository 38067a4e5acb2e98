import CoordinatorCore
import Foundation
import Messages
import TestSupport
import Testing

@testable import CoordinatorShell

/// A core that is told things, with a recorder that is full soon.
private struct Flight {
    let state: StateFolder
    var core = Core()
    let recorder: FlightRecorder
    var now: Milliseconds = 0

    init(fileLimit: Int, totalLimit: Int) throws {
        state = StateFolder(
            FileManager.default.temporaryDirectory.appendingPathComponent("flight-\(UUID().uuidString)").path)
        try state.create()
        recorder = FlightRecorder(state.flight, fileLimit: fileLimit, totalLimit: totalLimit) { _ in }
    }
    func forget() { try? FileManager.default.removeItem(atPath: state.path) }

    mutating func tell(_ events: [Event]) {
        now += 10
        recorder.begin(events, at: now, wall: now, core)
        core.wall = now
        var effects: [Effect] = []
        for event in events { effects += core.handle(event, at: now) }
        recorder.end(effects, core)
    }
    var files: [(name: String, bytes: Int)] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: state.flight).sorted().map { name in
                let facts = try FileManager.default.attributesOfItem(atPath: state.flight + "/" + name)
                return (name, facts[.size] as? Int ?? 0)
            }
        }
    }
}

@Test func `a flight record goes on in new files, drops the oldest, and replays from whatever is left`() throws {
    let (fileLimit, totalLimit) = (8 << 10, 64 << 10)
    var flight = try Flight(fileLimit: fileLimit, totalLimit: totalLimit)
    defer { flight.forget() }
    var largest = 0
    for number in 1...3000 as ClosedRange<UInt64> {
        var events: [Event] = [.heartbeat(WorkerID(number), seen: 0, held: []), .ticked(wall: number)]
        if number % 100 == 1 {
            let submission = Submission(token: number, kind: "noop", spec: [UInt8](repeating: 1, count: 20))
            events.insert(.submitted(submission, by: ClientRef(connection: 1, number: number)), at: 0)
        }
        flight.tell(events)
        if number % 20 == 0 { largest = max(largest, try flight.files.reduce(0) { $0 + $1.bytes }) }
    }
    flight.recorder.stop(flight.core)
    let files = try flight.files
    // A file is as long as its limit, its snapshot and its last batch; of all there is one more than the limit allows.
    let longest = try #require(files.map(\.bytes).max())
    #expect(longest <= fileLimit + flight.core.wireBytes.count + 4096)
    #expect(largest <= totalLimit + longest)
    let numbers = files.compactMap { Int($0.name.prefix { $0.isNumber }) }
    #expect(numbers.count >= 3 && numbers.first! > 1, "the first are gone")
    #expect(numbers == Array(numbers.first!...numbers.last!))
    let replay = try FlightReplay(of: flight.state.path)
    #expect(replay.parts.count == files.count && replay.parts.allSatisfy { $0.difference == nil })
    #expect(replay.parts.last?.endHash == flight.core.stateHash)
    print("\(numbers.last!) files of at most \(longest) bytes, never more than \(largest) in all")
}

@Test
func `a recorder that begins again goes on with the next number, and one that may not write loses the record only`()
    throws
{
    var flight = try Flight(fileLimit: 1 << 20, totalLimit: 1 << 21)
    defer { flight.forget() }
    flight.tell([.ticked(wall: 1)])
    flight.recorder.stop(flight.core)
    let second = FlightRecorder(flight.state.flight) { _ in }
    second.begin([.ticked(wall: 2)], at: 20, wall: 20, flight.core)
    second.end(flight.core.handle(.ticked(wall: 2), at: 20), flight.core)
    second.stop(flight.core)
    #expect(try flight.files.map(\.name) == ["000001.flight", "000002.flight"])

    var words: [String] = []
    let nowhere = FlightRecorder("/proc/no-such-folder") { words.append($0.event) }
    nowhere.begin([.ticked(wall: 3)], at: 30, wall: 30, flight.core)
    nowhere.end([], flight.core)
    #expect(words.count <= 1)
}
