import CoordinatorCore
import Messages

// People: they submit, wish, and repeat themselves until they are answered.
extension Simulation {
    mutating func drawJob(_ at: Int) -> Submission {
        var job = SimulatedJob(
            kind: [.array, .array, .fan, .search].randomElement(using: &random)!,
            count: UInt32.random(in: 1...(chance(100) ? 3000 : 60), using: &random))
        job.taskMilliseconds = [0, 1, 10, 200, 3000, 20_000].randomElement(using: &random)!
        if job.count > 100 { job.taskMilliseconds = min(job.taskMilliseconds, 200) }
        if job.kind == .search {
            job.count = max(job.count * 4, 2)
            job.taskMilliseconds = min(job.taskMilliseconds, job.count > 400 ? 10 : 200)
        }
        if chance(150), job.kind != .search, mix.allows(.poisonTask) {
            job.poison = UInt32.random(in: 0..<job.count, using: &random)
        }
        if chance(200), job.kind != .search, mix.allows(.failingTask) {
            job.failing = UInt32.random(in: 0..<job.count, using: &random)
            job.isFlaky = chance(500)
        }
        if chance(50), job.kind != .array, mix.allows(.plannerError) {
            job.plannerFailsAt = UInt32.random(in: 1...job.count, using: &random)
        }
        var needs = TaskNeeds()
        if chance(200) { needs.cores = UInt32.random(in: 1...3, using: &random) }
        if chance(200) { needs.memoryBytes = UInt64.random(in: 1...3, using: &random) << 30 }
        var after: [JobID] = []
        if at > 0, chance(200) { after = [JobID(UInt32.random(in: 1...UInt32(at), using: &random))] }
        return Submission(
            token: UInt64(at) + 1, kind: kind(of: at), spec: job.spec,
            priority: Int32.random(in: -1...1, using: &random), after: after,
            budgetMilliseconds: job.kind == .search && chance(600)
                ? UInt64.random(in: 1...60_000, using: &random) : budgetWithoutSlices(at),
            needs: needs, retries: job.isFlaky ? 1 : UInt32.random(in: 0...2, using: &random))
    }

    /// Three jobs of four may run twice, and of these the results of some may be used again; drawn apart.
    private func kind(of at: Int) -> String {
        var random = SplitMix(seed: seed << 8 | UInt64(at) | 1 << 60)
        return ["simulated", "repeatable", "reusable", "reusable"][Int(random.next() % 4)]
    }

    /// Some jobs whose tasks run to their end have a budget too, drawn apart.
    private func budgetWithoutSlices(_ at: Int) -> UInt64 {
        var random = SplitMix(seed: seed << 8 | UInt64(at))
        return random.next() % 8 == 0 ? UInt64.random(in: 1...60_000, using: &random) : 0
    }

    /// Keeps only some of the drawn jobs, under new numbers.
    mutating func choose(_ chosen: [Int]) {
        let drawn = wanted
        wanted = []
        // Without some faults other numbers are drawn, and there may be fewer jobs.
        for (at, old) in chosen.filter(drawn.indices.contains).enumerated() {
            var submission = drawn[old].submission
            submission.token = UInt64(at) + 1
            submission.after = submission.after.compactMap { earlier in
                chosen.filter(drawn.indices.contains).firstIndex(of: Int(earlier.number) - 1).map {
                    JobID(UInt32($0) + 1)
                }
            }
            wanted.append((submission, nil))
        }
    }

    mutating func clientActs() {
        schedule(.client, at: now + (faulty ? UInt64.random(in: 100...2000, using: &random) : 20))
        guard isUp else { return }
        // A submit is repeated until its reply comes; jobs come after those they name.
        if let next = wanted.firstIndex(where: { $0.job == nil }), !faulty || chance(500) {
            submit(wanted[next].submission)
        }
        if !faulty {
            for id in paused() where !wishes.contains(where: { $0.number >> 32 == UInt64(id.number) }) {
                // Numbered apart, so that it is wished once.
                wishes.append((UInt64(id.number) << 32 | nextRequest, { .unpause(id, by: $0) }))
                nextRequest += 1
            }
        } else if let job = wanted.randomElement(using: &random)?.job {
            switch random.next() % 40 {
            case 0, 14: if mix.allows(.cancelRace) { cancel(job) }
            case 1...3: wish { .pause(job, by: $0) }
            case 4...8: wish { .unpause(job, by: $0) }
            case 9...11:
                let more = UInt64.random(in: 1...5000, using: &random)
                let token = nextRequest
                wish { .addBudget(job, milliseconds: more, token: token, by: $0) }
            case 12...13: wish { .told(job, isKept: false, [7], by: $0) }
            default: break
            }
        }
        for (number, event) in wishes where !faulty || chance(800) {
            inbox.append((event(ClientRef(connection: 2, number: number)), nil))
            wakeSoon()
        }
    }
    private func paused() -> [JobID] { wanted.compactMap(\.job).filter { store.state(of: $0) == .paused } }
    private mutating func cancel(_ job: JobID) {
        wishedAway.insert(job)
        wish { .cancel(job, by: $0) }
    }
    private mutating func wish(_ event: @escaping (ClientRef) -> Event) {
        wishes.append((nextRequest, event))
        nextRequest += 1
    }
    private mutating func submit(_ submission: Submission) {
        if faulty, chance(mix.loss) { return note(.loss) }
        inbox.append((.submitted(submission, by: ClientRef(connection: 1, number: 0)), nil))
        wakeSoon()
    }

    mutating func replied(_ reply: Reply, _ client: ClientRef) {
        if faulty, chance(mix.loss) { return note(.loss) }
        if case .submitted(let job) = reply {
            guard job.number <= UInt32(store.jobCount) else {
                return fail(.nothingLost, "job \(job) was acknowledged and is not stored")
            }
            let at = Int(store.submission(of: job).token) - 1
            if let known = wanted[at].job, known != job { fail(.oneJobAToken, "one token became \(known) and \(job)") }
            wanted[at].job = job
            lastFault = now
        }
        guard client.connection == 2, let at = wishes.firstIndex(where: { $0.number == client.number }) else { return }
        let wish = wishes.remove(at: at)
        lastFault = now
        if case .cancel(let job, _) = wish.event(client), reply == .done {
            note(.cancelRace)
            if store.state(of: job) != .cancelled {
                fail(.cancelled, "job \(job) was cancelled, it was said, and is not")
            }
        }
    }
}
