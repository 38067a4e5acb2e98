import Messages
import Pruners
import Samplers
import Testing

private func complaint(_ text: String) -> String {
    do {
        _ = try PrunerChoice(text)
        return "none"
    } catch { return error.description }
}

@Test func `a pruner is chosen by a name and options`() throws {
    for text in [
        "none", "median", "median:startup=3", "percentile:25,startup=5,warmup=3", "asha:min=1,eta=4",
        "asha:min=auto", "hyperband:min=1,max=27,eta=3", "threshold:lower=0,upper=1", "patient:median,patience=5",
        "patient:asha:min=1,eta=2,patience=5,delta=0.1", "patient:patience=3", "wilcoxon:p=0.1,startup=2",
    ] {
        let choice = try PrunerChoice(text)
        #expect(choice.description == text)
        _ = try choice.make(study: "s", directions: [.minimize])
    }
    let named = try PrunerChoice(name: "percentile", options: ["": "25", "warmup": "3"])
    #expect(named == (try PrunerChoice("percentile:25,warmup=3")))
}

@Test func `a wrong pruner is refused in words`() {
    #expect(complaint("medium").contains("pruner medium is unknown; known are none, median, percentile, asha"))
    #expect(complaint("").contains("unknown"))
    #expect(complaint("percentile") == "pruner percentile needs a percentage from 0 to 100 first, as in percentile:25.")
    #expect(complaint("percentile:101") == "pruner percentile has 101; give a number from 0 to 100.")
    #expect(complaint("percentile:nan").contains("from 0 to 100"))
    #expect(
        complaint("median:start=3")
            == "pruner median does not know start=; it takes startup, min-trials, warmup, interval.")
    #expect(complaint("median:startup=-1") == "pruner median has startup=-1; give a whole number from 0.")
    #expect(complaint("median:interval=0").contains("whole number from 1"))
    #expect(complaint("median:warmup=1.5").contains("whole number"))
    #expect(complaint("median:warmup=1,warmup=2") == "pruner median has warmup= twice.")
    #expect(complaint("asha:eta=1") == "pruner asha has eta=1; give a whole number from 2.")
    #expect(complaint("asha:min=0").contains("whole number from 1"))
    #expect(complaint("asha:bootstrap=2").contains("needs min="))
    #expect(complaint("hyperband:bootstrap=2").contains("needs max="))
    #expect(complaint("hyperband:min=9,max=3").contains("max 3 below min 9"))
    #expect(complaint("hyperband:min=auto").contains("whole number"))
    #expect(complaint("threshold") == "pruner threshold needs lower=, upper= or both.")
    #expect(complaint("threshold:lower=2,upper=1").contains("lower above upper"))
    #expect(complaint("threshold:lower=x") == "pruner threshold has lower=x; give a number.")
    #expect(complaint("patient:median").contains("needs patience="))
    #expect(complaint("patient:patient:median,patience=2").contains("twice"))
    #expect(complaint("patient:mediam,patience=2").contains("pruner mediam is unknown"))
    #expect(complaint("wilcoxon:p=2").contains("from 0 to 1"))
    #expect(complaint("none:x").contains("does not know 'x'; it takes no options"))
}

@Test func `only none takes several objectives`() throws {
    #expect(throws: JobError.self) {
        try PrunerChoice("median").make(study: "s", directions: [.minimize, .maximize])
    }
    _ = try PrunerChoice("none").make(study: "s", directions: [.minimize, .maximize])
}

@Test func `reports are kept by step, the first of a step stays`() {
    var trial = PrunerTrial(number: 0)
    let taken = [(4, 1.0), (2, 2), (4, 3), (9, 4), (0, 5), (-1, 6)].map { trial.report(step: $0.0, value: $0.1) }
    #expect(taken == [true, true, false, true, true, false])
    #expect(trial.reports.map(\.step) == [0, 2, 4, 9])
    #expect(trial.reports.map(\.value) == [5, 2, 1, 4])
}

@Test func `a decision says why`() throws {
    var pruner = try PrunerChoice("median").make(study: "s", directions: [.minimize])
    for number in 0..<5 {
        let decision = pruner.decide(PrunerTrial(number: number, reports: [(0, 1)]))
        #expect(decision.reason == "\(number) of 5 start-up trials are complete")
        pruner.learn(PrunerTrial(number: number, state: .complete, value: 1, reports: [(0, Double(number) / 8)]))
    }
    let decision = pruner.decide(PrunerTrial(number: 5, reports: [(0, 0.31)]))
    #expect(decision.prune)
    #expect(decision.reason == "the best report 0.31 is worse than the median 0.25 of 5 trials at step 0")
}

@Test(arguments: PrunerChoice.names)
func `absurd steps and values are judged like any others`(name: String) throws {
    let options = ["percentile": ":25", "threshold": ":upper=1", "patient": ":asha,patience=1"]
    var pruner = try PrunerChoice(name + (options[name] ?? "")).make(study: "s", directions: [.maximize])
    let reports = [(0, -Double.infinity), (1, .infinity), (Int.max - 1, .nan), (Int.max, .greatestFiniteMagnitude)]
    for number in 0..<20 {
        var trial = PrunerTrial(number: number)
        for (step, value) in reports {
            let isTaken = trial.report(step: step, value: value)
            #expect(isTaken)
            let decision = pruner.decide(trial)
            #expect(!decision.reason.isEmpty)
            trial.remember(decision)
        }
        trial.state = .complete
        trial.value = number % 2 == 0 ? .infinity : -.infinity
        pruner.learn(trial)
    }
    var other = PrunerTrial(number: 20, notes: ["asha:min_resource": .nan, "hyperband:max_resource": -.infinity])
    other.notes["completed_rung_0"] = .nan
    pruner.learn(other)
    #expect(throws: JobError.self) { try PrunerChoice("patient:median,patience=\(Int.max)") }
    _ = try PrunerChoice("hyperband:max=\(1 << 50),eta=2").make(study: "s", directions: [.minimize])
}
