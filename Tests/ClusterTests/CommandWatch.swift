import Messages
import Testing

@testable import apex

private func job(_ number: UInt32, _ state: JobState, done: UInt32 = 0) -> JobStatus {
    JobStatus(
        id: JobID(number), kind: "noop", name: "", state: state, priority: 0, tasks: 100, done: done, failed: 0,
        running: 0, queued: 100 - done, reason: "", plan: PlanStatus(), answer: nil, budget: nil, submitted: 1, ended: 0
    )
}
private func status(_ jobs: [JobStatus]) -> ClusterStatus {
    ClusterStatus(
        jobs: jobs, workers: [],
        coordinator: CoordinatorStatus(
            codeVersion: "1", incarnation: 1, process: 1, state: "/s", listen: [], uptimeMilliseconds: 0,
            residentBytes: 0))
}

@Test func `the screen selects, pauses, and cancels only after a yes`() {
    var screen = WatchScreen(place: "ipc://x")
    screen.answered(status([job(1, .done), job(2, .running), job(3, .paused)]), at: .now)
    // Open jobs come first: 2, 3, then 1.
    #expect(screen.pressed(.character("p")) == .ask(.pause(JobID(2))))
    _ = screen.pressed(.down)
    #expect(screen.pressed(.character("p")) == .ask(.unpause(JobID(3))))
    #expect(screen.pressed(.character("c")) == nil)
    #expect(screen.pressed(.character("q")) == nil, "anything but y means no")
    _ = screen.pressed(.character("c"))
    #expect(screen.pressed(.character("y")) == .ask(.cancel(JobID(3))))
    _ = screen.pressed(.down)
    #expect(screen.pressed(.character("p")) == nil, "a job that is done cannot be paused")
    #expect(screen.pressed(.character("q")) == .quit)
}

@Test func `the screen fits any terminal and says that the coordinator is away`() {
    var screen = WatchScreen(place: "ipc://x")
    let now = ContinuousClock.now
    let many = (1...60).map { job($0, .running, done: $0) }
    for key in [Terminal.Key.escape, .enter, .character("?")] {
        screen.answered(status(many), at: now)
        _ = screen.pressed(key)
        for (columns, rows) in [(20, 6), (46, 12), (80, 24), (200, 60)] {
            let lines = screen.lines(columns: columns, rows: rows, clock: "12:00:00", at: now)
            #expect(lines.count == rows)
            for line in lines { #expect(visible(line).count <= columns, "\(columns) × \(rows): \(line)") }
        }
    }
    screen.unanswered()
    let lines = screen.lines(columns: 80, rows: 24, clock: "12:00:00", at: now + .seconds(5))
    #expect(lines.last?.contains("No answer from the coordinator; as it was 0:05 ago") == true)
}

/// The line without its escape sequences.
private func visible(_ line: String) -> String {
    line.replacing(/\u{1B}\[[0-9;]*m/, with: "")
}

@Test func `arrow keys in both spellings are keys, and other sequences press nothing`() {
    #expect(Terminal.keys(in: Array("\u{1B}[A\u{1B}OBq\r".utf8)) == [.up, .down, .character("q"), .enter])
    #expect(Terminal.keys(in: Array("\u{1B}[1;5Cc".utf8)) == [.character("c")])
    #expect(Terminal.keys(in: [0x1B]) == [.escape])
    #expect(Terminal.keys(in: [0x03]) == [.character("q")])
}
