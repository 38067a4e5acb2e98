import Messages

extension ClaimRun {
    var end: UInt32 { first + count }

    /// The part of both; nil when they share no claim (another epoch is another claim).
    func intersection(_ other: ClaimRun) -> ClaimRun? {
        guard job == other.job, epoch == other.epoch else { return nil }
        let low = max(first, other.first)
        let high = min(end, other.end)
        return low < high ? ClaimRun(job: job, first: low, count: high - low, epoch: epoch) : nil
    }

    /// What is left of this run without `other`, in order.
    func subtracting(_ other: ClaimRun) -> [ClaimRun] {
        guard let shared = intersection(other) else { return [self] }
        var rest: [ClaimRun] = []
        if first < shared.first {
            rest.append(ClaimRun(job: job, first: first, count: shared.first - first, epoch: epoch))
        }
        if shared.end < end {
            rest.append(ClaimRun(job: job, first: shared.end, count: end - shared.end, epoch: epoch))
        }
        return rest
    }

    func isBefore(_ other: ClaimRun) -> Bool {
        (job.number, first, epoch) < (other.job.number, other.first, other.epoch)
    }

    /// `next` continues this run.
    func isContinued(by next: ClaimRun) -> Bool {
        job == next.job && epoch == next.epoch && end == next.first
    }
}

/// The same claims in as few runs as possible, in order.
func compressed(_ runs: [ClaimRun]) -> [ClaimRun] {
    var result: [ClaimRun] = []
    for run in runs.sorted(by: { $0.isBefore($1) }) {
        if let last = result.last, last.isContinued(by: run) {
            result[result.count - 1].count += run.count
        } else if result.last != run {
            result.append(run)
        }
    }
    return result
}

/// The same ends in as few outcomes as possible, in order: a million no-op tasks travel as a few outcomes.
func merged(_ outcomes: [TaskOutcome]) -> [TaskOutcome] {
    var result: [TaskOutcome] = []
    for outcome in outcomes.sorted(by: { $0.run.isBefore($1.run) }) {
        if let last = result.last, last.run.isContinued(by: outcome.run), last.end == outcome.end {
            result[result.count - 1].run.count += outcome.run.count
            result[result.count - 1].busyMicroseconds += outcome.busyMicroseconds
        } else {
            result.append(outcome)
        }
    }
    return result
}

extension TaskOutcome {
    /// About what it takes in a frame.
    var wireSize: Int {
        switch end {
        case .done(let bytes): 32 + bytes.count
        case .failed(let reason): 32 + reason.utf8.count
        case .returned: 32
        }
    }
}
