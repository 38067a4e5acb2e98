import Jobs
import Messages

/// A running program's reports on their way to the pruner, and its answers on their way to the program: a line
/// `continue` or `prune` on standard input for every report, in their order.
struct TrialDialogue {
    /// Of one attempt; what is reported beyond is answered with `continue` and forgotten.
    static let maximumReports = 100_000
    /// Reports sent and not yet answered: a program that does not wait for answers cannot flood the coordinator.
    private static let maximumUnanswered = 64
    /// A message may have got lost: the report is sent again.
    private static let patienceMilliseconds: Int64 = 2000
    /// How long a program that is to be pruned may take to read so, before it gets SIGTERM: one that has read answers
    /// before reads this one too, as soon as a busy machine lets it.
    private static let readingMilliseconds: (stranger: Int64, reader: Int64) = (500, 5000)

    private(set) var reports: [Study.Report] = []
    private(set) var droppedReports = 0
    /// It was told to end, or is about to be.
    private(set) var prune: Study.Trial.Decision?
    private var sent = 0
    private var unanswered: [(report: Study.Report, sentAt: Int64)] = []
    /// When a program told to prune is looked at again, and whether it has read the news by then.
    private var stopAt: Int64?
    private var isWarned = false
    private var hasAnswered = false

    mutating func add(_ made: [Study.Report], _ control: ChildControl?) {
        for report in made {
            if reports.count < Self.maximumReports {
                reports.append(report)
            } else {
                droppedReports += 1
                control?.say("continue\n")
            }
        }
    }

    mutating func turn(at now: Int64, graceMilliseconds: Int64, _ context: RunContext, _ control: inout ChildControl) {
        for bytes in context.answers() {
            guard let decision = try? Study.Trial.Decision(wireBytes: bytes), prune == nil,
                // Answered twice: sent twice.
                let at = unanswered.firstIndex(where: { $0.report.step == decision.step })
            else { continue }
            unanswered.remove(at: at)
            if decision.isPruned {
                prune = decision
                unanswered = []
                let patience = hasAnswered ? Self.readingMilliseconds.reader : Self.readingMilliseconds.stranger
                stopAt = control.unreadBytes == 0 ? now + patience : now
                control.say("prune\n")
            } else {
                control.say("continue\n")
                hasAnswered = true
            }
        }
        if prune != nil { return end(at: now, graceMilliseconds, &control) }
        for at in unanswered.indices where now - unanswered[at].sentAt >= Self.patienceMilliseconds {
            unanswered[at].sentAt = now
            context.report(unanswered[at].report.wireBytes)
        }
        let before = sent
        while sent < reports.count, unanswered.count < Self.maximumUnanswered {
            unanswered.append((reports[sent], now))
            context.report(reports[sent].wireBytes)
            sent += 1
        }
        if let oldest = unanswered.map(\.sentAt).min() { control.turnAt = oldest + Self.patienceMilliseconds }
        // Who answers without ringing does so at once.
        if sent > before, context.bell < 0 { control.turnAt = now }
    }

    /// A program that has read that it shall end has its grace to do so by itself; one that has not gets SIGTERM.
    private mutating func end(at now: Int64, _ graceMilliseconds: Int64, _ control: inout ChildControl) {
        guard let at = stopAt else { return }
        if now < at {
            control.turnAt = at
        } else if !isWarned, control.unreadBytes == 0, now > at {
            isWarned = true
            stopAt = now + graceMilliseconds
            control.turnAt = stopAt
        } else {
            control.stop(graceMilliseconds: graceMilliseconds)
        }
    }
}
