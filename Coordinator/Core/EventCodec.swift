import Messages

// Events in bytes: what the flight record is made of.
extension Event: Wire {
    package func write(to writer: inout WireWriter) {
        func about(_ kind: UInt8, _ job: JobID, _ client: ClientRef, _ writer: inout WireWriter) {
            writer.integer(kind)
            writer.value(job)
            writer.value(client)
        }
        switch self {
        case .submitted(let submission, let client):
            writer.integer(UInt8(0))
            writer.value(submission)
            writer.value(client)
        case .planned(let job, let plan):
            writer.integer(UInt8(1))
            writer.value(job)
            writePlan(plan, to: &writer)
        case .planFailed(let job, let reason):
            writer.integer(UInt8(2))
            writer.value(job)
            writer.string(reason)
        case .hello(let hello):
            writer.integer(UInt8(3))
            writer.value(hello)
        case .heartbeat(let worker, let seen, let held):
            writer.integer(UInt8(4))
            writer.value(worker)
            writer.integer(seen)
            writer.array(held)
        case .outcomes(let worker, let number, let outcomes):
            writer.integer(UInt8(5))
            writer.value(worker)
            writer.integer(number)
            writer.array(outcomes)
        case .draining(let worker):
            writer.integer(UInt8(6))
            writer.value(worker)
        case .goodbye(let worker):
            writer.integer(UInt8(7))
            writer.value(worker)
        case .cancel(let job, let client): about(8, job, client, &writer)
        case .pause(let job, let client): about(9, job, client, &writer)
        case .unpause(let job, let client): about(10, job, client, &writer)
        case .addBudget(let job, let milliseconds, let token, let client):
            about(11, job, client, &writer)
            writer.integer(milliseconds)
            writer.integer(token)
        case .told(let job, let isKept, let bytes, let client):
            about(12, job, client, &writer)
            writer.bool(isKept)
            writer.blob(bytes)
        case .reported(let worker, let reports):
            writer.integer(UInt8(13))
            writer.value(worker)
            writer.array(reports)
        case .ticked(let wall):
            writer.integer(UInt8(14))
            writer.integer(wall)
        case .stopping: writer.integer(UInt8(15))
        }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .submitted(try reader.value(), by: try reader.value())
        case 1: self = .planned(try reader.value(), try readPlan(from: &reader))
        case 2: self = .planFailed(try reader.value(), try reader.string())
        case 3: self = .hello(try reader.value())
        case 4: self = .heartbeat(try reader.value(), seen: try reader.integer(), held: try reader.array())
        case 5: self = .outcomes(try reader.value(), number: try reader.integer(), try reader.array())
        case 6: self = .draining(try reader.value())
        case 7: self = .goodbye(try reader.value())
        case 8: self = .cancel(try reader.value(), by: try reader.value())
        case 9: self = .pause(try reader.value(), by: try reader.value())
        case 10: self = .unpause(try reader.value(), by: try reader.value())
        case 11:
            let (job, client): (JobID, ClientRef) = (try reader.value(), try reader.value())
            self = .addBudget(job, milliseconds: try reader.integer(), token: try reader.integer(), by: client)
        case 12:
            let (job, client): (JobID, ClientRef) = (try reader.value(), try reader.value())
            self = .told(job, isKept: try reader.bool(), try reader.blob(), by: client)
        case 13: self = .reported(try reader.value(), try reader.array())
        case 14: self = .ticked(wall: try reader.integer())
        case 15: self = .stopping
        case let other: throw WireError("there is no event \(other)")
        }
    }
}

extension ClientRef: Wire {
    package func write(to writer: inout WireWriter) {
        writer.integer(connection)
        writer.integer(number)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(connection: try reader.integer(), number: try reader.integer())
    }
}

private func writePlan(_ plan: Plan, to writer: inout WireWriter) {
    writer.bool(plan.array != nil)
    if let array = plan.array {
        writer.blob(array.payload)
        writer.integer(array.count)
    }
    writer.count(plan.tasks.count)
    for task in plan.tasks {
        writer.blob(task.payload)
        writer.bool(task.isBudgeted)
        writer.bool(task.known != nil)
        if let known = task.known { writer.blob(known) }
    }
    writer.value(plan.status)
    switch plan.end {
    case nil: writer.integer(UInt8(0))
    case .answer(let blob):
        writer.integer(UInt8(1))
        writer.value(blob)
    case .unfinished(let blob):
        writer.integer(UInt8(2))
        writer.value(blob)
    case .failed(let reason):
        writer.integer(UInt8(3))
        writer.string(reason)
    }
    writer.integer(plan.isResting.map { $0 ? UInt8(2) : 1 } ?? 0)
    writer.count(plan.answers.count)
    for answer in plan.answers {
        let (kind, number, bytes): (UInt8, UInt32, [UInt8]) =
            switch answer {
            case .request(let number, let bytes): (0, number, bytes)
            case .task(let index, let bytes): (1, index, bytes)
            }
        writer.integer(kind)
        writer.integer(number)
        writer.blob(bytes)
    }
    writer.count(plan.publications.count)
    for publication in plan.publications { writer.blob(publication) }
}

private func readPlan(from reader: inout WireReader) throws(WireError) -> Plan {
    var plan = Plan()
    if try reader.bool() { plan.array = (try reader.blob(), try reader.integer()) }
    for _ in 0..<(try reader.count(elementBytes: 6)) {
        var task = PlannedTask(payload: try reader.blob(), isBudgeted: try reader.bool())
        if try reader.bool() { task.known = try reader.blob() }
        plan.tasks.append(task)
    }
    plan.status = try reader.value()
    switch try reader.integer(UInt8.self) {
    case 0: break
    case 1: plan.end = .answer(try reader.value())
    case 2: plan.end = .unfinished(try reader.value())
    case 3: plan.end = .failed(try reader.string())
    case let other: throw WireError("\(other) is no way for a plan to end")
    }
    switch try reader.integer(UInt8.self) {
    case 0: break
    case 1: plan.isResting = false
    case 2: plan.isResting = true
    case let other: throw WireError("\(other) is no rest")
    }
    for _ in 0..<(try reader.count(elementBytes: 9)) {
        let isTask = try reader.integer(UInt8.self) == 1
        let number: UInt32 = try reader.integer()
        let bytes = try reader.blob()
        plan.answers.append(isTask ? .task(number, bytes) : .request(number, bytes))
    }
    for _ in 0..<(try reader.count(elementBytes: 4)) { plan.publications.append(try reader.blob()) }
    return plan
}
