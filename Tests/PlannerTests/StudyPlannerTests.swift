import Blobs
import Jobs
import Market
import Messages
import TestSupport
import Testing

@testable import Planners

@Suite struct StudyPlannerTests {
    @Test func `a study asks as many trials as were wished for, and rests`() throws {
        var bench = try StudyBench(.example(parallel: 3), seed: 1)
        #expect(bench.isResting)
        bench.say(.run(token: 1, trials: 20))
        #expect(bench.running.count == 3)
        bench.finishAll()
        #expect(bench.trials.count == 20)
        #expect(bench.trials.allSatisfy { $0.state.isOver })
        #expect(bench.isResting)
        bench.say(.run(token: 2, trials: 5))
        bench.finishAll()
        #expect(bench.trials.count == 25)
    }

    @Test func `the same request again is the same request`() throws {
        var bench = try StudyBench(.example(), seed: 2)
        bench.say(.run(token: 7, trials: 4))
        bench.say(.run(token: 7, trials: 4))
        bench.finishAll()
        #expect(bench.trials.count == 4)
        let first = bench.say(.ask(token: 8))
        #expect(bench.say(.ask(token: 8)) == first)
        #expect(bench.trials.count == 5)
    }

    /// Whatever the order of results and reports, and wherever the coordinator dies: the restored planner goes on with
    /// the same trials, bit for bit.
    @Test(arguments: seeds(24)) func `a study restored at any moment goes on as if nothing had happened`(seed: UInt64)
        throws
    {
        var spec = Study.Spec.example(parallel: 4)
        spec.isReproducible = seed % 3 == 0
        spec.sampler = seed % 2 == 0 ? "tpe" : "tpe-univariate"
        spec.retries = UInt32(seed % 3)
        var bench = try StudyBench(spec, seed: seed)
        bench.say(.run(token: 1, trials: 40))
        bench.say(.enqueue(token: 2, [0.5, 3, nil, nil]))
        if !spec.isReproducible { bench.say(.ask(token: 3)) }
        var steps = 0
        while bench.step() {
            steps += 1
            if steps % 7 == 0 { try bench.crash() }
        }
        #expect(bench.trials.count { $0.state.isOver } >= 40)
        #expect(bench.restarts > 0)
        let replay = try StudyReplay(spec, trials: bench.trials)
        #expect(replay.differences.map(\.words) == [])
        #expect(replay.asks == bench.trials.count { $0.asked > 0 })
    }

    @Test(arguments: seeds(6)) func `a reproducible study has the same trials whatever order results come in`(
        seed: UInt64
    ) throws {
        var spec = Study.Spec.example(parallel: 5)
        spec.isReproducible = true
        spec.pruner = ["median:startup=3", "asha:min=1,eta=2", "hyperband:min=1,max=9,eta=3"][Int(seed % 3)]
        var trials: [[Study.Trial]] = []
        for order in [seed, seed &+ 1000, seed &+ 2000] {
            var bench = try StudyBench(spec, seed: order)
            bench.say(.run(token: 1, trials: 60))
            bench.finishAll()
            trials.append(bench.trials)
        }
        #expect(trials[0].contains { $0.state == .pruned })
        #expect(trials[0] == trials[1])
        #expect(trials[0] == trials[2])
    }

    @Test func `a pruned trial is pruned whatever its program says afterwards`() throws {
        var spec = Study.Spec.example(parallel: 1)
        spec.pruner = "threshold:upper=0.5"
        var bench = try StudyBench(spec, seed: 3)
        bench.say(.run(token: 1, trials: 1))
        bench.report(0, Study.Report(step: 1, value: 0.7))
        #expect(bench.decisions.last?.isPruned == true)
        bench.end(0, Study.Result(end: .complete([0.1]), started: 1, ended: 2, worker: "w"))
        #expect(bench.trials[0].state == .pruned)
        #expect(bench.trials[0].values == [0.7])
        #expect(bench.trials[0].reason.contains("0.7"))
    }

    @Test func `reports that got lost are heard from the result`() throws {
        var spec = Study.Spec.example(parallel: 1)
        spec.pruner = "threshold:upper=0.5"
        var bench = try StudyBench(spec, seed: 3)
        bench.say(.run(token: 1, trials: 1))
        bench.end(
            0,
            Study.Result(
                end: .complete([0.1]), reports: [Study.Report(step: 1, value: 0.7)], started: 1, ended: 2, worker: "w"))
        #expect(bench.trials[0].state == .pruned)
    }

    @Test func `a report that is not recorded is answered all the same`() throws {
        var spec = Study.Spec.example(parallel: 1)
        spec.pruner = "threshold:upper=0.5"
        var bench = try StudyBench(spec, seed: 3)
        bench.say(.run(token: 1, trials: 1))
        bench.report(0, Study.Report(step: -1, value: 0.7))
        #expect(bench.decisions.map(\.step) == [-1] && bench.decisions[0].isPruned == false)
        bench.report(0, Study.Report(step: 1, value: 0.1))
        bench.end(0, Study.Result(end: .complete([0.1]), started: 1, ended: 2, worker: "w"))
        // Its worker did not know yet that the trial was over.
        bench.report(0, Study.Report(step: 2, value: 0.7))
        #expect(bench.decisions.map(\.step) == [-1, 1, 2])
        #expect(bench.trials[0].state == .complete && bench.trials[0].reports.map(\.step) == [1])
        try bench.crash()
        #expect(bench.trials[0].reports.map(\.step) == [1])
    }

    @Test func `of too many reports the last are answered and forgotten`() throws {
        var bench = try StudyBench(.example(parallel: 1), seed: 3)
        bench.say(.run(token: 1, trials: 1))
        for step in 0..<Int64(StudyBook.maximumReports + 5) { bench.report(0, Study.Report(step: step, value: 1)) }
        #expect(bench.decisions.count == StudyBook.maximumReports + 5)
        #expect(bench.trials[0].reports.count == StudyBook.maximumReports)
    }

    @Test func `a failed trial is tried again as often as allowed, as the same trial`() throws {
        var spec = Study.Spec.example(parallel: 1)
        spec.retries = 2
        var bench = try StudyBench(spec, seed: 4)
        bench.say(.run(token: 1, trials: 1))
        for attempt in 0..<3 {
            #expect(bench.running.map(\.attempt) == [UInt32(attempt)])
            bench.end(attempt, .failed("exit code 1", mayRetry: true))
        }
        #expect(bench.trials.map(\.state) == [.failed])
        #expect(bench.trials[0].attempts == 3)
        #expect(bench.isResting)
        bench.say(.run(token: 2, trials: 1))
        bench.end(3, .failed("timeout", mayRetry: false))
        #expect(bench.trials[1].attempts == 1)
    }

    @Test func `a task that killed its workers is a failed trial, and the study goes on`() throws {
        var bench = try StudyBench(.example(parallel: 1), seed: 5)
        bench.say(.run(token: 1, trials: 2))
        bench.hear(.parked(0), Array("poisoned: 3 workers died".utf8))
        #expect(bench.trials[0].state == .failed)
        #expect(bench.trials[0].reason == "poisoned: 3 workers died")
        #expect(bench.running.map(\.trial) == [1])
    }

    @Test func `wrong values of an objective fail its trial, in words`() throws {
        var bench = try StudyBench(.example(parallel: 1), seed: 6)
        bench.say(.run(token: 1, trials: 3))
        bench.end(0, Study.Result(end: .complete([.nan]), started: 0, ended: 0, worker: ""))
        bench.end(1, Study.Result(end: .complete([1, 2]), started: 0, ended: 0, worker: ""))
        bench.end(2, Study.Result(end: .complete([.infinity]), started: 0, ended: 0, worker: ""))
        #expect(bench.trials.map(\.state) == [.failed, .failed, .complete])
        #expect(bench.trials[0].reason.contains("NaN"))
        #expect(bench.trials[1].reason.contains("2 values"))
    }

    @Test func `only who asked may tell, once`() throws {
        var spec = Study.Spec.example()
        spec.objective = .external
        var bench = try StudyBench(spec, seed: 7)
        let result = Study.Result(end: .complete([1]), started: 0, ended: 0, worker: "")
        guard case .refused(let words)? = bench.say(.tell(token: 1, trial: 0, result)) else {
            Issue.record("a trial that does not exist was told")
            return
        }
        #expect(words.contains("there is no trial 0"))
        bench.say(.ask(token: 2))
        guard case .trial(let told)? = bench.say(.tell(token: 3, trial: 0, result)) else {
            Issue.record("the trial was not told")
            return
        }
        #expect(told.state == .complete)
        guard case .refused? = bench.say(.tell(token: 4, trial: 0, result)) else {
            Issue.record("a trial was told twice")
            return
        }
    }

    @Test(arguments: [
        ("a/b", "letters"), ("", "letters"), ("..", "letters"),
    ]) func `a study's name is one that files can have`(name: String, words: String) {
        var spec = Study.Spec.example()
        spec.name = name
        expectRefused(spec, words)
    }

    @Test func `what cannot be searched is refused in words`() {
        var spec = Study.Spec.example()
        spec.sampler = "magic"
        expectRefused(spec, "magic")
        spec = .example()
        spec.pruner = "mean"
        expectRefused(spec, "mean")
        spec = .example()
        spec.parameters[0].kind = .float(low: 2, high: 1, step: nil, log: false)
        expectRefused(spec, "low")
        spec.parameters[0].kind = .float(low: 0, high: 1, step: nil, log: true)
        expectRefused(spec, "log")
        spec.parameters[0].kind = .float(low: 0, high: 1, step: 0, log: false)
        expectRefused(spec, "step")
        spec = .example()
        spec.parameters[3].conditions[0].parent = "nothing"
        expectRefused(spec, "no parameter")
    }

    private func expectRefused(_ spec: Study.Spec, _ words: String) {
        let error = #expect(throws: JobError.self) { try StudyPlanner(spec, blobs: NoBlobs()) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "nothing was refused")")
    }
}

extension Study.Spec {
    /// A float, an integer, a choice and a parameter of one choice.
    static func example(parallel: UInt32 = 2) -> Study.Spec {
        Study.Spec(
            name: "example",
            parameters: [
                StudyParameter("x", .float(low: 0, high: 1, step: nil, log: false)),
                StudyParameter("n", .int(low: 1, high: 8, step: 1, log: false)),
                StudyParameter("opt", .categorical([.string("sgd"), .string("adam")])),
                StudyParameter(
                    "momentum", .float(low: 0, high: 0.99, step: nil, log: false),
                    when: [.init(parent: "opt", values: [.string("sgd")])]),
            ], objective: .function("branin"), pruner: "median:startup=3", seed: 5, parallel: parallel)
    }
}

extension Study.Result {
    static func failed(_ reason: String, mayRetry: Bool) -> Study.Result {
        Study.Result(end: .failed(reason, mayRetry: mayRetry), started: 0, ended: 0, worker: "")
    }
}

struct NoBlobs: BlobSource {
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] { throw JobError("there is no blob \(blob)") }
}

/// Drives a planner as a coordinator would, and remembers what one would store.
struct StudyBench {
    let spec: Study.Spec
    var planner: StudyPlanner
    var random: SplitMix
    var tasks: [Study.Task] = []
    var results: [(index: Int, result: Study.Result)] = []
    var hearings: [Hearing] = []
    /// Tasks that were handed out and have not ended, by index.
    var open: [Int] = []
    var isResting = false
    var decisions: [Study.Trial.Decision] = []
    var replies: [UInt32: StudyReply] = [:]
    var requests: UInt32 = 0
    var restarts = 0
    /// Steps that a trial has reported.
    var reported: [Int: Int64] = [:]

    init(_ spec: Study.Spec, seed: UInt64) throws {
        self.spec = spec
        random = SplitMix(seed: seed)
        planner = try StudyPlanner(spec, blobs: NoBlobs())
        take(planner.start())
    }

    var running: [Study.Task] { open.map { tasks[$0] } }
    var trials: [Study.Trial] { planner.trials }

    private mutating func take(_ step: Step<Study.Task>) {
        for task in step.tasks {
            open.append(tasks.count)
            tasks.append(task)
        }
        isResting = step.isResting ?? isResting
        for answer in step.answers {
            switch answer {
            case .request(let number, let bytes): replies[number] = try? StudyReply(wireBytes: bytes)
            case .task(_, let bytes):
                if let decision = try? Study.Trial.Decision(wireBytes: bytes) { decisions.append(decision) }
            }
        }
    }

    mutating func hear(_ source: Hearing.Source, _ bytes: [UInt8]) {
        hearings.append(Hearing(source: source, bytes: bytes, afterResults: UInt32(results.count)))
        if case .parked(let index) = source { open.removeAll { $0 == index } }
        do { take(try planner.heard(source, bytes)) } catch { Issue.record("\(error)") }
    }

    @discardableResult mutating func say(_ request: StudyRequest) -> StudyReply? {
        requests += 1
        hear(.request(requests), request.wireBytes)
        return replies[requests]
    }
    mutating func report(_ task: Int, _ report: Study.Report) { hear(.task(UInt32(task)), report.wireBytes) }

    mutating func end(_ task: Int, _ result: Study.Result) {
        open.removeAll { $0 == task }
        results.append((task, result))
        let load = Load(slots: 1, idleSlots: 0, queuedTasks: 0)
        do { take(try planner.finished(task, with: result, load: load)) } catch { Issue.record("\(error)") }
    }

    /// Something happens to a task chosen by chance; what the objective says depends on the trial alone.
    mutating func step() -> Bool {
        guard let task = open.randomElement(using: &random) else { return false }
        let trial = tasks[task]
        let step = (reported[task] ?? 0) + 1
        let fails = trial.trial % 11 == 5
        if step <= 9, !fails, Bool.random(using: &random) {
            reported[task] = step
            report(task, report(of: trial, step))
            return true
        }
        var result = Study.Result(
            end: .complete([value(of: trial)]), started: 1, ended: 2, worker: "w")
        // A run reports nine steps, unless it fails before the first.
        result.reports = (1...9).map { report(of: trial, $0) }
        if fails { result = .failed("exit code 3", mayRetry: trial.trial % 2 == 1) }
        end(task, result)
        return true
    }
    mutating func finishAll() { while step() {} }

    private func value(of task: Study.Task) -> Double {
        // Other days, other values: what was good may be bad in the forward stage.
        if let stage = task.stage?.stage {
            let x = task.values[0] ?? 0
            let n = task.values[1] ?? 0
            return stage == .forward ? 0.9 - x : x * (1 + 0.01 * n) - Double(stage.rawValue)
        }
        return task.values.enumerated().reduce(0) { $0 + ($1.element ?? 2) * Double($1.offset + 1) }
    }
    private func report(of task: Study.Task, _ step: Int64) -> Study.Report {
        Study.Report(step: step, value: value(of: task) + 3 / Double(step))
    }

    /// The planner is rebuilt from what is stored, and must plan what it had planned.
    mutating func crash() throws {
        restarts += 1
        var restored = try StudyPlanner(spec, blobs: NoBlobs())
        let step = try restored.restore(tasks: tasks, results: results, hearings: hearings)
        #expect(step.tasks.isEmpty)
        #expect(restored.trials == planner.trials)
        planner = restored
        isResting = step.isResting ?? isResting
    }
}
