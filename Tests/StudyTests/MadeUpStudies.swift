import Foundation
import JSON
import Jobs
import Messages
import Store
import Studies
import TestSupport

/// Studies with everything a trial may have, from a seed.
enum MadeUp {
    static let now: UInt64 = 1_769_796_000_123

    static func spec(_ name: String = "fit", directions: [Study.Direction] = [.minimize]) -> Study.Spec {
        Study.Spec(
            name: name,
            parameters: [
                StudyParameter("lr", .float(low: 1e-5, high: 0.1, step: nil, log: true)),
                StudyParameter("layers", .int(low: 1, high: 8, step: 1, log: false)),
                StudyParameter("batch", .int(low: 16, high: 256, step: 16, log: false)),
                StudyParameter("width", .int(low: 1, high: 1000, step: 1, log: true)),
                StudyParameter("drop", .float(low: -1, high: 1, step: 0.25, log: false)),
                StudyParameter(
                    "opt \"ü\"",
                    .categorical([
                        .string("sgd"), .string("a\"b\\c\u{1F600}"), .null, .bool(true), .int(3), .float(0.1),
                    ])
                ),
                StudyParameter(
                    "momentum", .float(low: 0, high: 0.99, step: nil, log: false),
                    when: [StudyParameter.Condition(parent: "opt \"ü\"", values: [.string("sgd")])]),
            ], directions: directions, objective: .external, sampler: "tpe", pruner: "median", seed: 7, parallel: 4)
    }

    /// A trial that is over, of any kind.
    static func trial(_ number: Int, of spec: Study.Spec, _ chance: inout SplitMix) -> Study.Trial {
        var trial = begun(number, of: spec, &chance)
        trial.state = [.complete, .complete, .complete, .pruned, .failed][Int.random(in: 0..<5, using: &chance)]
        trial.told = UInt32(number * 2 + 2)
        trial.attempts = UInt32.random(in: 1...3, using: &chance)
        trial.worker = "host-\(Int.random(in: 0..<3, using: &chance))"
        trial.started = now + UInt64(number) * 1000
        trial.ended = trial.started + UInt64.random(in: 0..<5000, using: &chance)
        for step in 0..<Int.random(in: 0..<5, using: &chance) where spec.directions.count == 1 {
            trial.reports.append(Study.Report(step: Int64(step * 3), value: anyNumber(&chance, nan: true)))
            trial.decisions.append(
                Study.Trial.Decision(step: Int64(step * 3), isPruned: false, reason: "better than “half”", order: 3))
        }
        switch trial.state {
        case .complete: trial.values = spec.directions.map { _ in anyNumber(&chance, nan: false) }
        case .pruned:
            trial.reason = "median of 5 is 1.25"
            trial.notes = [Study.NamedNumber("completed_rung_0", anyNumber(&chance, nan: true))]
            if let last = trial.reports.last, !last.value.isNaN { trial.values = [last.value] }
        default: trial.reason = "exit code 7; last line: bad\n\u{7}"
        }
        if Bool.random(using: &chance) {
            trial.constraints = [
                Study.NamedNumber("memory", anyNumber(&chance, nan: false)), Study.NamedNumber("t", -1),
            ]
        }
        if Bool.random(using: &chance) {
            trial.attributes = [
                Study.NamedText("note", "\"naïve \\n text\""),
                Study.NamedText("shape", "{\"b\":[1,2.5,null],\"a\":true}"),
            ]
        }
        return trial
    }

    /// The same trial as it was while it ran.
    static func begun(_ number: Int, of spec: Study.Spec, _ chance: inout SplitMix) -> Study.Trial {
        var values: [Double?] = []
        for (at, parameter) in spec.parameters.enumerated() {
            guard spec.parameters.isActive(at, in: values) else {
                values.append(nil)
                continue
            }
            switch parameter.kind {
            case .float(let low, let high, let step?, _):
                values.append(low + step * Double(Int.random(in: 0...Int((high - low) / step), using: &chance)))
            case .float(let low, let high, nil, _): values.append(Double.random(in: low...high, using: &chance))
            case .int(let low, let high, let step, _):
                values.append(Double(low + step * Int64.random(in: 0...(high - low) / step, using: &chance)))
            case .categorical(let choices): values.append(Double(Int.random(in: choices.indices, using: &chance)))
            }
        }
        var trial = Study.Trial(number: UInt32(number), state: .running, parameters: values)
        if number % 5 == 2 { trial.fixed[1] = values[1] }
        trial.asked = UInt32(number * 2 + 1)
        trial.draws = [UInt64(number) * 3, 17]
        return trial
    }

    private static func anyNumber(_ chance: inout SplitMix, nan: Bool) -> Double {
        switch Int.random(in: 0..<12, using: &chance) {
        case 0: .infinity
        case 1: -.infinity
        case 2 where nan: .nan
        case 3: -0.0
        case 4: Double.leastNonzeroMagnitude
        case 5: 1.7976931348623157e308
        default: Double.random(in: -3...3, using: &chance)
        }
    }

    /// What a planner publishes of trials that run one after another and some beside each other.
    static func publications(_ spec: Study.Spec, _ over: [Study.Trial]) -> [Study.Publication] {
        var all: [Study.Publication] = [.study(spec)]
        var open: [Study.Trial] = []
        func end(_ trial: Study.Trial) {
            for (report, decision) in zip(trial.reports, trial.decisions) {
                all.append(.report(study: spec.name, trial: trial.number, report, decision))
            }
            all.append(.trial(study: spec.name, trial))
        }
        for trial in over {
            if trial.fixed.contains(where: { $0 != nil }) {
                all.append(.trial(study: spec.name, waiting(trial)))
            }
            all.append(.trial(study: spec.name, running(trial)))
            open.append(trial)
            if open.count == 3 { end(open.remove(at: Int(trial.number) % 3)) }
        }
        open.forEach(end)
        return all
    }
    static func running(_ trial: Study.Trial) -> Study.Trial {
        var running = Study.Trial(
            number: trial.number, state: .running, parameters: trial.parameters, fixed: trial.fixed)
        running.asked = trial.asked
        running.draws = trial.draws
        return running
    }
    static func waiting(_ trial: Study.Trial) -> Study.Trial {
        Study.Trial(number: trial.number, state: .waiting, parameters: trial.fixed, fixed: trial.fixed)
    }

    static func trials(_ count: Int, of spec: Study.Spec, seed: UInt64) -> [Study.Trial] {
        var chance = SplitMix(seed: seed)
        return (0..<count).map { trial($0, of: spec, &chance) }
    }
}

/// A store in a folder of its own.
struct Shelf {
    let folder = TemporaryFolder("studies")
    static let job = JobID(7)
    var database: String { folder.path + "/studies.sqlite" }
    func open(patience: Duration = .seconds(60)) throws -> StudyStore {
        try StudyStore(path: database, folder: folder.path + "/studies", patience: patience)
    }
    func write(_ publications: [Study.Publication]) throws {
        try open().apply(publications, of: Self.job, at: MadeUp.now)
    }
    func lines(_ study: String = "fit") throws -> [String] {
        try String(contentsOfFile: "\(folder.path)/studies/\(study)/trials.jsonl", encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }
    /// Every row of every table, as text.
    func dump() throws -> [String] {
        let database = try Database(path: database, mode: .readOnly)
        let names = try database.prepare("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
        var dump: [String] = []
        while try names.step() {
            let table = names.text(0)
            let rows = try database.prepare("SELECT * FROM \"\(table)\" ORDER BY 1")
            var cells: [String] = []
            while try rows.step() {
                // Ids of things that hang on a trial depend on which were there first; what they say does not.
                let first = table.hasPrefix("trial_") ? 1 : 0
                cells.append(
                    "\(table): "
                        + (first..<rows.columnCount).map { rows.isNull($0) ? "NULL" : rows.text($0) }
                        .joined(separator: "|"))
            }
            dump += table.hasPrefix("trial_") ? cells.sorted() : cells
        }
        return dump
    }
}

/// As the numbers are stored: NaN equals itself here, and −0 is 0, because SQLite makes it so.
func bits(_ values: [Double]) -> [UInt64] { values.map { ($0 == 0 ? 0 : $0).bitPattern } }

func expectedJSON(_ trial: Study.Trial, _ spec: Study.Spec) -> JSONValue? { JSONValue(trial.json(spec).text) }
