import Foundation
import JSON
import Jobs
import Messages
import Store
import Studies
import TestSupport
import Testing

@Test(arguments: seeds(4))
func `what is published comes back from the file, with everything a trial may have`(seed: UInt64) throws {
    for directions in [[Study.Direction.maximize], [.minimize, .maximize, .minimize]] {
        let shelf = Shelf()
        let spec = MadeUp.spec(directions: directions)
        let trials = MadeUp.trials(60, of: spec, seed: seed)
        try shelf.write(MadeUp.publications(spec, trials))
        let file = try StudyFile(shelf.database)
        #expect(try file.names() == ["fit"])
        let read = try file.read("fit")
        #expect(read.directions == directions)
        #expect(read.trials.count == 60)
        for (trial, found) in zip(trials, read.trials) {
            #expect(found.number == trial.number && found.state == trial.state, "seed \(seed)")
            #expect(bits(found.values) == bits(trial.values))
            #expect(found.reports.map(\.step) == trial.reports.map(\.step))
            #expect(bits(found.reports.map(\.value)) == bits(trial.reports.map(\.value)))
            #expect(found.decisions == trial.decisions)
            #expect(bits(found.constraints.map(\.value)) == bits(trial.constraints.map(\.value)))
            #expect(found.constraints.map(\.name) == trial.constraints.map(\.name))
            #expect(bits(found.notes.map(\.value)) == bits(trial.notes.map(\.value)))
            #expect(found.attributes == trial.attributes)
            #expect(found.worker == trial.worker && found.reason == trial.reason)
            #expect(found.attempts == trial.attempts && found.asked == trial.asked && found.told == trial.told)
            #expect(found.started == trial.started && found.ended == trial.ended)
            let (ours, theirs) = (spec.parameters.named(trial.parameters), read.parameters.named(found.parameters))
            #expect(ours.map(\.name).sorted() == theirs.map(\.name).sorted())
            for (name, value) in ours { #expect(theirs.first { $0.name == name }?.value == value) }
            let fixed = spec.parameters.named(trial.fixed)
            #expect(fixed.map(\.value) == read.parameters.named(found.fixed).map(\.value))
        }
        // The space too, but for conditions, which Optuna has no place for.
        for parameter in spec.parameters {
            #expect(read.parameters.first { $0.name == parameter.name }?.kind == parameter.kind)
        }
        let lines = try shelf.lines().map { JSONValue($0) }
        #expect(Set(lines.compactMap { $0?["number"]?.double }).count == 60 && lines.count == 60)
        for line in lines {
            let number = try #require(line?["number"]?.double)
            #expect(line == expectedJSON(trials[Int(number)], spec))
        }
    }
}

@Test(arguments: seeds(12))
func `after a crash at any place everything is published again, and the files are what they would have been`(
    seed: UInt64
) throws {
    var chance = SplitMix(seed: seed)
    let spec = MadeUp.spec()
    let all = MadeUp.publications(spec, MadeUp.trials(25, of: spec, seed: seed))
    let calm = Shelf()
    try calm.write(all)

    let shelf = Shelf()
    for _ in 0..<4 {
        let store = try shelf.open()
        let cut = Int.random(in: 1...all.count, using: &chance)
        var rest = asPublishedAgain(all[..<cut])[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Int.random(in: 1...9, using: &chance))
            rest = rest.dropFirst(batch.count)
            try store.apply(Array(batch), of: Shelf.job, at: MadeUp.now)
        }
        try tear(shelf, &chance)
    }
    try shelf.write(asPublishedAgain(all[...]))
    // Trials begin when they are first seen to; all else is the same bytes.
    #expect(try shelf.dump() == calm.dump(), "seed \(seed)")
    #expect(try shelf.lines().sorted() == calm.lines().sorted(), "seed \(seed)")
}

/// The study, and each trial as it stands after these publications: what a planner says after a restart.
private func asPublishedAgain(_ publications: ArraySlice<Study.Publication>) -> [Study.Publication] {
    var study: Study.Spec?
    var trials: [UInt32: Study.Trial] = [:]
    for publication in publications {
        switch publication {
        case .study(let spec): study = spec
        case .trial(_, let trial): trials[trial.number] = trial
        case .report(_, let number, let report, let decision):
            trials[number]!.reports.append(report)
            trials[number]!.decisions.append(decision!)
        }
    }
    return [.study(study!)] + trials.values.sorted { $0.number < $1.number }.map { .trial(study: study!.name, $0) }
}

/// The last lines are lost or torn, as when the machine dies between the row and the line.
private func tear(_ shelf: Shelf, _ chance: inout SplitMix) throws {
    let path = "\(shelf.folder.path)/studies/fit/trials.jsonl"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try bytes.prefix(bytes.count - Int.random(in: 0...min(bytes.count, 700), using: &chance))
        .write(to: URL(fileURLWithPath: path))
}

@Test func `a trial that is over is never edited, and one that runs shows its reports`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    var trial = MadeUp.running(MadeUp.trials(1, of: spec, seed: 1)[0])
    let store = try shelf.open()
    let report = Study.Report(step: 4, value: .nan)
    try store.apply(
        [.study(spec), .trial(study: "fit", trial), .report(study: "fit", trial: 0, report, nil)], of: Shelf.job,
        at: MadeUp.now)
    let live = try StudyFile(shelf.database).read("fit", onlyOver: false).trials
    #expect(live.map(\.state) == [.running] && live[0].reports.map(\.step) == [4])
    #expect(live[0].started == MadeUp.now)
    #expect(try StudyFile(shelf.database).read("fit").trials.isEmpty)
    trial.state = .complete
    trial.values = [1.5]
    trial.started = MadeUp.now + 5
    trial.ended = MadeUp.now + 9
    try store.apply([.trial(study: "fit", trial)], of: Shelf.job, at: MadeUp.now)
    let before = try shelf.dump()
    trial.values = [2.5]
    try store.apply(
        [.trial(study: "fit", trial), .report(study: "fit", trial: 0, Study.Report(step: 9, value: 1), nil)],
        of: Shelf.job, at: MadeUp.now)
    #expect(try shelf.dump() == before)
    #expect(try shelf.lines().count == 1)
}

@Test func `a study made again under an old name is another study, and the old one stays`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    let trials = MadeUp.trials(5, of: spec, seed: 3)
    try shelf.write(MadeUp.publications(spec, trials))
    try shelf.open().apply(
        MadeUp.publications(spec, Array(trials[..<2])), of: JobID(8), at: MadeUp.now)
    let file = try StudyFile(shelf.database)
    #expect(try file.names() == ["fit~1", "fit"])
    #expect(try file.read("fit~1").trials.count == 5)
    #expect(try file.read("fit").trials.count == 2)
    #expect(try shelf.lines("fit~1").count == 5)
    #expect(try shelf.lines("fit").count == 2)
}

@Test func `a line is never longer than a mebibyte and a little, and says what it leaves out`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    var trial = MadeUp.trials(1, of: spec, seed: 5)[0]
    trial.reports = (0..<100_000).map { Study.Report(step: $0, value: Double($0) / 7) }
    trial.decisions = []
    try shelf.write([.study(spec), .trial(study: "fit", trial)])
    let lines = try shelf.lines()
    #expect(lines.count == 1 && lines[0].utf8.count < 1 << 20)
    #expect(JSONValue(lines[0])?["left_out"]?["intermediate"]?.double == 100_000)
    #expect(try StudyFile(shelf.database).read("fit").trials[0].reports.count == 100_000)
}

@Test func `text that is no JSON is kept as a string`() throws {
    let shelf = Shelf()
    let spec = MadeUp.spec()
    var trial = MadeUp.trials(1, of: spec, seed: 5)[0]
    trial.attributes = [Study.NamedText("raw", "not json")]
    try shelf.write([.study(spec), .trial(study: "fit", trial)])
    #expect(try StudyFile(shelf.database).read("fit").trials[0].attributes[0].text == "\"not json\"")
    #expect(JSONValue(try shelf.lines()[0])?["attributes"]?["raw"]?.string == "not json")
}
