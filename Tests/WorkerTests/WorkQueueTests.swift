import Messages
import TestSupport
import Testing

@testable import WorkerShell

private func run(_ first: UInt32, _ count: UInt32, job: UInt32 = 1, epoch: Epoch = 1) -> ClaimRun {
    ClaimRun(job: JobID(job), first: first, count: count, epoch: epoch)
}
private func claims(_ runs: [ClaimRun]) -> [String] {
    runs.flatMap { run in run.indices.map { "\(run.job).\($0)#\(run.epoch)" } }.sorted()
}

@Test(arguments: seeds(100))
func `every claim is queued, running or finished, in exactly one place`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    let slots = Int.random(in: 1...4, using: &generator)
    let queue = WorkQueue(slots: slots) {}
    var taken = [Assignment?](repeating: nil, count: slots)
    var expected: [String] = []  // added and not collected
    var next: UInt32 = 0
    for _ in 0..<200 {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0...2:
            let added = run(
                next, UInt32.random(in: 1...30, using: &generator), epoch: UInt32.random(in: 1...2, using: &generator))
            next += added.count
            queue.add([Assignment(run: added, kind: "noop", payload: [])])
            expected += claims([added])
        case 3...5:
            guard let slot = taken.firstIndex(where: { $0 == nil }), queue.hasWork else { continue }
            taken[slot] = queue.take(slot: slot)
        case 6, 7:
            guard let slot = taken.firstIndex(where: { $0 != nil }), let assignment = taken[slot] else { continue }
            taken[slot] = nil
            let done = UInt32.random(in: 1...assignment.run.count, using: &generator)
            let outcomes = assignment.run.indices.prefix(Int(done)).map { index in
                TaskOutcome(
                    run: run(index, 1, epoch: assignment.run.epoch),
                    end: queue.isCancelled(slot: slot, index: index) ? .returned : .done([]), busyMicroseconds: 1)
            }
            var rest: Assignment?
            if done < assignment.run.count {
                rest = assignment
                rest!.run.first += done
                rest!.run.count -= done
            }
            queue.finish(
                slot: slot, outcomes, rest: rest, tasks: done,
                nanoseconds: Int64.random(in: 0...5_000_000, using: &generator))
        case 8:
            queue.cancel([
                run(UInt32.random(in: 0...(next + 1), using: &generator), UInt32.random(in: 1...40, using: &generator))
            ])
        default:
            let collected = claims(queue.collect().map(\.run))
            for claim in collected {
                let at = expected.firstIndex(of: claim)
                #expect(at != nil, "\(claim) came twice or from nowhere")
                if let at { expected.remove(at: at) }
            }
        }
        #expect(claims(queue.held) == expected.sorted())
    }
}

@Test func `cancelling reaches what is queued and what runs, and another epoch not at all`() {
    let queue = WorkQueue(slots: 1) {}
    queue.add([
        Assignment(run: run(0, 1), kind: "noop", payload: []), Assignment(run: run(1, 9), kind: "noop", payload: []),
        Assignment(run: run(20, 1, epoch: 2), kind: "noop", payload: []),
    ])
    let first = queue.take(slot: 0)
    #expect(first.run == run(0, 1))
    queue.cancel([run(0, 4), run(20, 1, epoch: 1)])
    let isRaised = queue.flags[0].isRaised.load(ordering: .relaxed)
    #expect(isRaised)
    #expect(queue.isCancelled(slot: 0, index: 0))
    #expect(queue.collect() == [TaskOutcome(run: run(1, 3), end: .returned, busyMicroseconds: 0)])
    #expect(compressed(queue.held) == [run(0, 1), run(4, 6), run(20, 1, epoch: 2)])
}

@Test func `what is beyond the queue's limit goes straight back`() {
    let queue = WorkQueue(slots: 1) {}
    let many = (0..<UInt32(WorkQueue.maximumRuns + 5)).map {
        Assignment(run: run($0 * 2, 1), kind: "noop", payload: [])
    }
    queue.add(many)
    #expect(queue.collect().map(\.run) == many.suffix(5).map(\.run))
}

@Test func `a slot takes as many short tasks as it does in two milliseconds, and one long one`() {
    let queue = WorkQueue(slots: 2) {}
    queue.add([Assignment(run: run(0, 1000), kind: "noop", payload: [])])
    let first = queue.take(slot: 0)
    #expect(first.run == run(0, 1))  // nothing is known of this job yet
    let done = TaskOutcome(run: first.run, end: .done([]), busyMicroseconds: 10)
    queue.finish(slot: 0, [done], rest: nil, tasks: 1, nanoseconds: 10_000)
    #expect(queue.take(slot: 0).run == run(1, 200))
    #expect(queue.take(slot: 1).run == run(201, 200))
}

@Test(arguments: seeds(100)) func `runs and outcomes are merged without loss`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    var runs = (0..<40).map {
        run($0 * 3, UInt32.random(in: 1...3, using: &generator), epoch: UInt32.random(in: 1...2, using: &generator))
    }
    runs.shuffle(using: &generator)
    let short = compressed(runs)
    #expect(claims(short) == claims(runs))
    #expect(zip(short, short.dropFirst()).allSatisfy { $0.isBefore($1) && !$0.isContinued(by: $1) })
    let outcomes = runs.map {
        TaskOutcome(run: $0, end: .done([UInt8.random(in: 0...1, using: &generator)]), busyMicroseconds: 5)
    }
    let fewer = merged(outcomes)
    #expect(claims(fewer.map(\.run)) == claims(runs))
    #expect(fewer.reduce(0) { $0 + $1.busyMicroseconds } == 200)
    for outcome in outcomes {
        let holder = fewer.first { $0.run.intersection(outcome.run) == outcome.run }
        #expect(holder?.end == outcome.end)
    }
}

@Test(arguments: seeds(20)) func `the outbox repeats a message until it is accepted, and keeps to its credit`(
    seed: UInt64
) {
    var generator = SplitMix(seed: seed)
    var outbox = Outbox()
    var now: Int64 = 0
    var stored: Set<UInt32> = []
    var added: UInt32 = 0
    var sentAt: [UInt64: Int64] = [:]
    for step in 0..<2000 {
        let isHealing = step > 1000
        now += Int64.random(in: 0...500, using: &generator)
        if !isHealing, Int.random(in: 0..<3, using: &generator) == 0 {
            outbox.add(
                (0..<UInt32.random(in: 1...5, using: &generator)).map { _ in
                    added += 1
                    return TaskOutcome(
                        run: run(added * 2, 1),
                        end: .done(
                            [UInt8](repeating: 1, count: Int.random(in: 0..<8, using: &generator) == 0 ? 600_000 : 10)),
                        busyMicroseconds: 0)
                })
        }
        if Int.random(in: 0..<50, using: &generator) == 0 {
            outbox.forgetSending()
            sentAt = [:]
        }
        var accepted: [UInt64] = []
        outbox.send(at: now) { number, outcomes in
            if let before = sentAt[number] { #expect(now - before >= Outbox.patienceMilliseconds) }
            #expect(outcomes.count == 1 || outcomes.reduce(0) { $0 + $1.wireSize } <= Outbox.messageBytes)
            guard isHealing || Int.random(in: 0..<4, using: &generator) > 0 else { return false }
            sentAt[number] = now
            if isHealing || Int.random(in: 0..<4, using: &generator) > 0 {
                accepted.append(number)
                for outcome in outcomes { stored.insert(outcome.run.first) }
            }
            return true
        }
        #expect(sentAt.count <= Outbox.maximumInFlight + 2000)
        if isHealing || Int.random(in: 0..<3, using: &generator) > 0 {
            outbox.accepted(accepted)
            outbox.accepted(accepted + [999_999])
        }
    }
    #expect(outbox.isEmpty && outbox.bytes == 0)
    #expect(stored.count == Int(added))
}
