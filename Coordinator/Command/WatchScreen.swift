import Messages

/// What `apex watch` knows and what it shows of that. Pure: keys, answers and the time come from outside.
struct WatchScreen {
    /// Something a key asked for that only the coordinator can do.
    enum Action: Equatable {
        case quit
        case ask(Request)
    }
    private enum View { case list, detail, help }

    private let place: String
    private var status: ClusterStatus?
    private var answeredAt: ContinuousClock.Instant?
    private var isAway = false
    private var meters: [JobID: ProgressMeter] = [:]
    private var view = View.list
    private var selected: JobID?
    private var failures: (job: JobID, count: UInt32, lines: [String])?
    private var confirming: JobID?
    private var message = ""

    /// - Parameter place: the coordinator's address, for the person.
    init(place: String) { self.place = place }

    // MARK: - What happens

    mutating func answered(_ new: ClusterStatus, at now: ContinuousClock.Instant) {
        if isAway { message = "the coordinator is back" }
        isAway = false
        answeredAt = now
        status = new
        for job in new.jobs {
            if job.state.isOver {
                meters[job.id] = nil
            } else {
                meters[job.id, default: ProgressMeter()].add(job.stage.name, done: job.stage.done, at: now)
            }
        }
        if selected == nil || !jobs.contains(where: { $0.id == selected }) { selected = jobs.first?.id }
    }
    mutating func unanswered() { isAway = true }
    mutating func said(_ words: String) { message = words }

    /// The job whose failures the screen would show and does not know yet.
    var wantedFailures: JobID? {
        guard view == .detail, let job = selectedJob, job.failed > 0 else { return nil }
        return failures?.job == job.id && failures?.count == job.failed ? nil : job.id
    }
    mutating func learned(failures lines: [String], of job: JobID) {
        failures = (job, jobs.first { $0.id == job }?.failed ?? 0, lines)
    }

    mutating func pressed(_ key: Terminal.Key) -> Action? {
        message = ""
        if let job = confirming {
            confirming = nil
            if key == .character("y") || key == .character("Y") { return .ask(.cancel(job)) }
            message = "job \(job) goes on"
            return nil
        }
        switch key {
        case .character("q"): return .quit
        case .character("?"): view = view == .help ? .list : .help
        case .escape: view = .list
        case .enter: view = view == .list && selectedJob != nil ? .detail : .list
        case .up, .character("k"): move(-1)
        case .down, .character("j"): move(1)
        case .character("p"):
            guard let job = selectedJob else { break }
            if job.state.isOver {
                message = "job \(job.id) is \(job.state.name): there is nothing to pause"
            } else {
                return .ask(job.state == .paused ? .unpause(job.id) : .pause(job.id))
            }
        case .character("c"):
            guard let job = selectedJob else { break }
            if job.state == .done || job.state == .failed || job.state == .cancelled {
                message = "job \(job.id) is \(job.state.name): there is nothing to cancel"
            } else {
                confirming = job.id
            }
        case .character: message = "no such key here; ? lists them"
        }
        return nil
    }

    private mutating func move(_ step: Int) {
        guard let at = jobs.firstIndex(where: { $0.id == selected }) else { return }
        selected = jobs[max(0, min(jobs.count - 1, at + step))].id
    }

    /// Those under way first, oldest first; then those that are over, newest first.
    private var jobs: [JobStatus] {
        let all = status?.jobs ?? []
        return all.filter { !$0.state.isOver } + all.filter(\.state.isOver).reversed()
    }
    private var selectedJob: JobStatus? { jobs.first { $0.id == selected } }

    // MARK: - What it looks like

    /// - Parameter clock: the time of day, as text.
    func lines(columns: Int, rows: Int, clock: String, at now: ContinuousClock.Instant) -> [String] {
        let width = max(columns, 20)
        let height = max(rows, 6)
        var body: [String]
        switch view {
        case .help: body = Self.help
        case .detail: body = selectedJob.map { detail($0, width) } ?? ["that job is gone; esc goes back"]
        case .list: body = list(width, height - 3)
        }
        body = body.prefix(height - 3).map { $0.hasPrefix("\u{1B}") ? $0 : clipped($0, to: width) }
        body += Array(repeating: "", count: max(0, height - 3 - body.count))
        return [reversed(heading(width, clock), width), ""] + body + [footer(width, now)]
    }

    private func heading(_ width: Int, _ clock: String) -> String {
        guard let status else { return " apex  \(place)" }
        let slots = status.workers.reduce(0) { $0 + Int($1.slots) }
        let held = status.workers.reduce(0) { $0 + Int($1.held) }
        let open = status.jobs.count { !$0.state.isOver }
        let words = [
            " apex \(status.coordinator.codeVersion)", "\(open) open of \(status.jobs.count) jobs",
            "\(counted(status.workers.count, "worker")), \(counted(slots, "slot")), \(short(UInt64(held))) held",
            "up " + durationText(milliseconds: status.coordinator.uptimeMilliseconds),
        ].joined(separator: "  ")
        let gap = width - words.count - clock.count - 1
        return gap > 0 ? words + String(repeating: " ", count: gap) + clock + " " : words
    }

    private func list(_ width: Int, _ height: Int) -> [String] {
        guard let status else { return ["", "  Waiting for a coordinator at \(place)", "  `apex up` starts one."] }
        let workers = workerTable(status.workers).lines(width: width)
        let workerRows = min(workers.count, max(2, height / 3))
        let jobRows = max(1, height - workerRows - 2)
        var lines: [String]
        if jobs.isEmpty {
            lines = ["no jobs yet; `apex submit --help` shows how to submit one"]
        } else {
            let table = jobLines(width)
            let at = jobs.firstIndex { $0.id == selected } ?? 0
            let first = max(0, min(at - jobRows / 2, jobs.count - jobRows))
            lines = [bold(table[0])]
            for row in first..<min(jobs.count, first + jobRows) {
                lines.append(row == at ? reversed(table[row + 1], width) : table[row + 1])
            }
        }
        lines.append("")
        if status.workers.isEmpty {
            lines.append("no workers; `apex-worker --coordinator \(place)` adds this machine")
        } else {
            lines.append(bold(workers[0]))
            lines += workers[1..<workerRows]
            if workerRows < workers.count {
                lines[lines.count - 1] = "… \(workers.count - workerRows + 1) more workers"
            }
        }
        return lines
    }

    private func jobLines(_ width: Int) -> [String] {
        var table = Table([
            .init("JOB", .right), .init("KIND", isOptional: true), .init("NAME", isOptional: true), .init("STATE"),
            .init("FAILED", .right, isOptional: true), .init("RATE", .right, isOptional: true), .init("LEFT", .right),
            .init("PROGRESS"),
        ])
        for job in jobs {
            let stage = job.stage
            let rate = stage.total > 0 ? meters[job.id]?.rate : nil
            let left = stage.total > stage.done ? rate.map { Double(stage.total - stage.done) / $0 } : nil
            table.add([
                "\(job.id)", job.kind, job.name.isEmpty ? "-" : job.name, job.state.name, "\(job.failed)",
                rate.map { short($0) + "/s" } ?? "", left.map { $0.isFinite ? clockTime(seconds: $0) : "" } ?? "",
                progressText(job),
            ])
        }
        return table.lines(width: width)
    }

    private func detail(_ job: JobStatus, _ width: Int) -> [String] {
        var lines = jobDetail(job, columns: width)
        if let rate = meters[job.id]?.rate { lines.append("rate       \(short(rate)) \(job.stage.unit)/s") }
        guard job.failed > 0 else { return lines }
        lines += ["", "The first failures:"]
        lines += failures?.job == job.id ? failures?.lines.map { "  " + $0 } ?? [] : ["  …"]
        return lines
    }

    private func footer(_ width: Int, _ now: ContinuousClock.Instant) -> String {
        if let confirming { return reversed(" Cancel job \(confirming)? It cannot be taken back. y / n", width) }
        if isAway {
            let age =
                answeredAt.map { "; as it was \(clockTime(seconds: (now - $0) / .seconds(1))) ago" } ?? ""
            return reversed(" No answer from the coordinator\(age). Trying on; q quits", width)
        }
        if !message.isEmpty { return clipped(" " + message, to: width) }
        let keys =
            view == .list
            ? " q quit   ↑↓ select   enter detail   p pause   c cancel   ? help"
            : " q quit   esc back   ↑↓ other job   p pause   c cancel   ? help"
        return clipped(keys, to: width)
    }

    private static let help = [
        "", "  ↑ ↓ or k j   select a job", "  enter        its stages, budget, best score and bound, failures",
        "  esc          back to the list", "  p            pause the selected job, or let it go on",
        "  c            cancel it, after asking", "  ?            this page",
        "  q or Ctrl-C  quit; jobs go on without it",
        "", "  HELD counts tasks that workers have, running or waiting there.",
        "  LEFT is what the rate of the last ten seconds promises.",
    ]

    private func reversed(_ text: String, _ width: Int) -> String {
        let line = clipped(text, to: width)
        return "\u{1B}[7m" + line + String(repeating: " ", count: width - line.count) + "\u{1B}[0m"
    }
    private func bold(_ text: String) -> String { "\u{1B}[1m" + text + "\u{1B}[0m" }
}
