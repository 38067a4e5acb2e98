import CoordinatorCore
import Messages
import TestSupport
import Testing

/// What a death is held against, and for how long. The store's referee checks each step too.
struct BlameTests {
    /// Tasks of a microsecond: a worker of one slot has thousands of them.
    private func answer(_ runs: [ClaimRun], by worker: UInt64, _ number: UInt64, in bench: inout Bench) -> [ClaimRun] {
        let outcomes = runs.map { TaskOutcome(run: $0, end: .done([]), busyMicroseconds: UInt64($0.count)) }
        return assigned(bench.send(.outcomes(WorkerID(worker), number: number, outcomes), from: WorkerID(worker)))
    }
    /// One worker holds all of a job's `count` tasks, but for the first.
    private func crowded(_ bench: inout Bench, count: UInt32) -> (job: JobID, runs: [ClaimRun]) {
        let job = bench.submit(1, count: count)
        let first = assigned(bench.join(1))
        let runs = answer(first, by: 1, 1, in: &bench)
        #expect(runs.reduce(0) { $0 + $1.count } == count - 1)
        return (job, runs)
    }

    @Test(arguments: [false, true])
    func `workers that go away by turns and return are never held against a task`(restarts: Bool) {
        var bench = Bench()
        let job = bench.submit(1, count: 1)
        var runs: [UInt64: [ClaimRun]] = [1: assigned(bench.join(1))]
        var parted: UInt64 = 1
        for _ in 0..<8 {
            // The one that has it falls silent, so that the other is given it; then it is back, with a claim of before.
            bench.wait(5000)
            let other = 3 - parted
            let given = assigned(bench.join(other, seen: runs[other] == nil ? 0 : 9, held: runs[other] ?? []))
            #expect(given.map(\.first) == [0])
            #expect(bench.store.crashes(of: TaskID(job, 0)) == 1)
            runs[other] = given
            if restarts {
                bench.restart()
                _ = bench.join(other, seen: 9, held: given)
            }
            _ = bench.join(parted, seen: 9, held: runs[parted]!)
            #expect(bench.store.crashes(of: TaskID(job, 0)) == 0)
            parted = other
        }
        #expect(bench.store.parked(of: job).isEmpty)
    }

    @Test func `a claim that its worker never heard of is not held against the task when the worker returns`() {
        var bench = Bench()
        let job = bench.submit(1, count: 1)
        #expect(assigned(bench.join(1)).count == 1)
        bench.wait(5000)
        #expect(bench.store.crashes(of: TaskID(job, 0)) == 1)
        #expect(assigned(bench.join(1)).count == 1)
        #expect(bench.store.crashes(of: TaskID(job, 0)) == 0)
    }

    @Test func `a dead worker's many tasks run again at once, of its like a few hundred at a time`() {
        var bench = Bench()
        let (job, _) = crowded(&bench, count: 5001)
        bench.wait(5000)
        var runs = assigned(bench.join(2))
        var (messages, most): (UInt64, UInt32) = (0, 0)
        while bench.core.status(of: job, at: bench.now)?.state == .running {
            most = max(most, runs.reduce(0) { $0 + $1.count })
            messages += 1
            runs = answer(runs, by: 2, messages, in: &bench)
        }
        #expect(most == 256 && messages == 5000 / 256 + 1)
    }

    @Test func `of five thousand that saw a worker die the one that kills is found with its third`() {
        var bench = Bench()
        let (job, _) = crowded(&bench, count: 5001)
        let poison: UInt32 = 2222
        var (deaths, messages, numbers): (Int, UInt64, UInt64) = (1, 0, 0)
        bench.wait(5000)
        for worker in 2...9 as ClosedRange<UInt64> {
            var runs = assigned(bench.join(worker, slots: 1))
            while !runs.isEmpty, !runs.contains(where: { $0.indices.contains(poison) }) {
                messages += 1
                numbers += 1
                runs = answer(runs, by: worker, numbers, in: &bench)
            }
            if runs.isEmpty { break }
            deaths += 1
            bench.wait(5000)
        }
        #expect(deaths == 3)
        #expect(bench.store.parked(of: job).map(\.index) == [poison])
        #expect(bench.core.status(of: job, at: bench.now)?.done == 5000)
        // Twenty parties, and then each of one party alone.
        #expect(messages < 5000 / 256 + 256 + 4)
    }

    @Test func `beside a task that kills, long tasks of another worker go on`() {
        var bench = Bench()
        let job = bench.submit(1, count: 6)
        #expect(assigned(bench.join(1, slots: 2)).map(\.count) == [2])
        #expect(assigned(bench.join(2, slots: 3)).map(\.count) == [3])
        for _ in 0..<5 {
            bench.now += 1000
            bench.send(.heartbeat(WorkerID(2), seen: 1, held: [ClaimRun(job: job, first: 2, count: 3, epoch: 1)]))
        }
        // Nobody is emptied for what one death was seen by: it runs as soon as there is a slot.
        let done = bench.answer(ClaimRun(job: job, first: 2, count: 1, epoch: 1), .done([]), by: 2)
        #expect(assigned(done).map(\.first) == [5])
        let next = bench.answer(ClaimRun(job: job, first: 3, count: 1, epoch: 1), .done([]), by: 2, number: 2)
        #expect(assigned(next) == [ClaimRun(job: job, first: 0, count: 1, epoch: 2)])
    }
}
