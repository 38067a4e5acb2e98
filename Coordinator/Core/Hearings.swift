import Messages

// What people and running tasks say to a job's planner, and its answers on their way back.
extension Core {
    /// Requests that wait for a planner's answer, of one job: more are refused.
    private static let maximumAskers = 4096

    mutating func told(_ id: JobID, isKept: Bool, _ bytes: [UInt8], by client: ClientRef) {
        guard knows(id) else { return refuse(client, "there is no job \(id); `apex jobs` lists them.") }
        let j = at(id)
        guard jobs[j].state == .running || jobs[j].state == .paused, !jobs[j].isArray else {
            return refuse(client, "job \(id) is \(jobs[j].state.name); nobody is there to answer.")
        }
        guard jobs[j].askers.count < Self.maximumAskers else {
            return refuse(client, "job \(id) has \(jobs[j].askers.count) requests to answer; try again.")
        }
        jobs[j].told += 1
        jobs[j].askers.append((jobs[j].told, client))
        hear(id, .request(jobs[j].told), bytes, isKept: isKept)
    }

    /// A report counts while its claim is the task's newest, and its worker the owner.
    mutating func reported(_ reports: [TaskMessage], by worker: WorkerID) {
        guard position(of: worker) != nil else { return }
        for report in reports where knows(report.run.job) {
            let (j, index) = (at(report.run.job), report.run.first)
            guard !jobs[j].state.isOver, !jobs[j].isArray, jobs[j].tasks.contains(index),
                jobs[j].tasks.unanswered(index, epoch: report.run.epoch, owner: worker) == .claimed
            else { continue }
            hear(report.run.job, .task(index), report.bytes, isKept: true)
        }
    }

    mutating func hear(_ id: JobID, _ source: Hearing.Source, _ bytes: [UInt8], isKept: Bool) {
        let moment = Moment(monotonic: now, wall: wall)
        if isKept {
            let hearing = Hearing(source: source, bytes: bytes, afterResults: jobs[at(id)].done, moment: moment)
            effects.append(.record(.heard(id, hearing)))
        }
        ask(id, .heard(source, bytes, at: moment))
    }

    mutating func answer(_ answers: [PlanAnswer], of id: JobID) {
        let j = at(id)
        for answer in answers {
            switch answer {
            case .request(let number, let bytes):
                guard let at = jobs[j].askers.firstIndex(where: { $0.request == number }) else { continue }
                effects.append(.reply(.said(bytes), to: jobs[j].askers.remove(at: at).client))
            case .task(let index, let bytes):
                guard jobs[j].tasks.contains(index), jobs[j].tasks.phase(index) == .claimed else { continue }
                let run = ClaimRun(job: id, first: index, count: 1, epoch: jobs[j].tasks.epoch(index))
                effects.append(
                    .send(.answers([TaskMessage(run: run, bytes: bytes)]), to: jobs[j].tasks.owner(index)))
            }
        }
    }

    /// The job is over: nobody answers any more.
    mutating func dismissAskers(of id: JobID) {
        let j = at(id)
        for asker in jobs[j].askers {
            refuse(asker.client, "job \(id) is \(jobs[j].state.name); nobody is there to answer.")
        }
        jobs[j].askers = []
    }
}
