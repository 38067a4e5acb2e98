import CoordinatorCore
import Messages
import ZeroMQ

// What a batch of events becomes: decisions, one transaction, and only then what is sent.
extension Coordinator {
    /// How long a batch waits for planners that it starts: most need far less, and then one commit stores the job, its
    /// tasks and their claims.
    private static var startPatience: Duration { .milliseconds(1) }

    func handle(_ events: [Event]) throws {
        let began = ContinuousClock.now
        var effects = decide(events)
        // Asked before the commit, unlike all else: a planner only answers, and its answer is stored with this batch or
        // with a later one.
        let early = effects.count
        let starts = effects.count { $0.startsPlanner }
        for case .plan(let job, let call) in effects where call.isStart { planning.ask(job, call) }
        if starts > 0 { effects += try decide(startAnswers(starts)) }
        let records = effects.compactMap { if case .record(let record) = $0 { record } else { nil } }
        if measures == nil {
            if !records.isEmpty { try database.commit(records) }
        } else {
            try commitMeasured(records, since: began)
        }
        recorder?.end(effects, core)
        for (at, effect) in effects.enumerated() {
            switch effect {
            // A worker that left may come back, with another key if it likes; by the end of the batch it may be back.
            case .record(.left(let worker)): if !core.knows(worker) { routes.forget(worker) }
            case .record: break
            case .send(let message, let worker):
                guard let connection = routes.connection(of: worker) else { continue }
                if try !send(message, to: connection) { routes.forget(worker) }
            case .reply(let reply, let client):
                _ = try send(.reply(number: client.number, reply), to: client.connection)
            case .plan(let job, let call): if at >= early || !call.isStart { planning.ask(job, call) }
            case .publish(let job, let kind, let publications): publish(job, kind, publications)
            case .log(let line): log.write(line)
            }
        }
    }

    private func commitMeasured(_ records: [Record], since began: ContinuousClock.Instant) throws {
        measures?.count(records, wall: wallMilliseconds)
        let start = ContinuousClock.now
        if !records.isEmpty { try database.commit(records) }
        let end = ContinuousClock.now
        measures?.batch(end - began, commit: records.isEmpty ? nil : end - start)
    }

    private func decide(_ events: [Event]) -> [Effect] {
        let now = milliseconds
        let wall = wallMilliseconds
        recorder?.begin(events, at: now, wall: wall, core)
        core.wall = wall
        var effects: [Effect] = []
        for event in events { core.handle(event, at: now, into: &effects) }
        return effects
    }

    /// What planners answer in time, as a batch of events; nothing, when none does.
    private func startAnswers(_ wanted: Int) throws -> [Event] {
        let end = ContinuousClock.now + Self.startPatience
        var answers: [Event] = []
        var poller = Poller()
        _ = poller.add(descriptor: planned.descriptor)
        while answers.count < wanted, ContinuousClock.now < end {
            try poller.wait(milliseconds: 1)
            planned.clear()
            answers += planning.takeAnswers()
        }
        // Their threads' last words were meant for the loop, which has not heard the wakeup taken here.
        if planning.failure ?? studies.failure ?? ingests.failure != nil { planned.wake() }
        return answers.isEmpty ? [] : answers + [.ticked(wall: wallMilliseconds)]
    }
}

extension PlannerCall {
    fileprivate var isStart: Bool { if case .start = self { true } else { false } }
}
extension Effect {
    fileprivate var startsPlanner: Bool { if case .plan(_, let call) = self { call.isStart } else { false } }
}
