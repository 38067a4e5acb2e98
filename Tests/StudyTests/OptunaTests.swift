import Foundation
import JSON
import Jobs
import Messages
import Studies
import TestSupport
import Testing

// Optuna itself reads what we write, goes on with it, and writes what we read. Each test runs once for each Optuna that
// is here: that of the virtual environment APEX_PEERS, and a 4.9.0 in its folder `optuna-4.9`.

/// A Python that has Optuna.
struct OptunaPeer: Sendable, CustomTestStringConvertible {
    var python: String
    var path: String
    var version: String
    var testDescription: String { "Optuna \(version)" }

    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("optuna_peer.py").path

    /// Those that are here; says which are not.
    static let all: [OptunaPeer] = {
        let folder = ProcessInfo.processInfo.environment["APEX_PEERS"]
        let python = folder.map { $0 + "/bin/python3" } ?? "python3"
        var peers: [OptunaPeer] = []
        for (path, wanted) in [("", "5."), (folder.map { $0 + "/optuna-4.9" } ?? "", "4.9.")] {
            var peer = OptunaPeer(python: python, path: path, version: "")
            let probe = try? peer.run(["version"])
            peer.version = probe?.output.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
            if probe?.code == 0, peer.version.hasPrefix(wanted) {
                peers.append(peer)
            } else {
                print("MISSING PEER: \(python) has no Optuna \(wanted)*: what it makes of studies was not checked")
            }
        }
        return peers
    }()

    func start(_ words: [String]) throws -> Programs.Running {
        // One time zone for all: 4.9 writes the local time.
        try Programs.Running(
            "/usr/bin/env", [python, Self.script] + words, environment: ["PYTHONPATH": path, "TZ": "UTC"])
    }
    func run(_ words: [String]) throws -> Programs.Outcome { try start(words).wait() }

    /// What `show` prints, in parts between `---`.
    func trials(_ words: [String]) throws -> [[JSONValue]] {
        let outcome = try run(words)
        try #require(outcome.code == 0, "\(version) \(words[0]): \(outcome.errors)")
        return Self.parts(outcome.output)
    }
    static func parts(_ output: String) -> [[JSONValue]] {
        output.split(separator: "\n", omittingEmptySubsequences: true).split(separator: "---").map {
            $0.compactMap { JSONValue(String($0)) }
        }
    }
}

@Suite struct OptunaTests {
    @Test(arguments: OptunaPeer.all)
    func `Optuna reads every trial as it was published`(peer: OptunaPeer) throws {
        for directions in [[Study.Direction.minimize], [.maximize, .minimize]] {
            let shelf = Shelf()
            let spec = MadeUp.spec(directions: directions)
            var trials = MadeUp.trials(80, of: spec, seed: 21)
            var all = MadeUp.publications(spec, trials)
            var chance = SplitMix(seed: 3)
            // One that runs and one that waits.
            trials.append(MadeUp.begun(80, of: spec, &chance))
            trials.append(MadeUp.waiting(MadeUp.begun(82, of: spec, &chance)))
            trials[81].number = 81
            all += trials[80...].map { .trial(study: "fit", $0) }
            try shelf.write(all)
            let theirs = try #require(try peer.trials(["show", shelf.database, "fit"]).first)
            try compare(theirs, trials, spec)
        }
    }

    @Test(arguments: OptunaPeer.all)
    func `Optuna that has the study open follows it to its end`(peer: OptunaPeer) throws {
        let shelf = Shelf()
        let spec = MadeUp.spec()
        let trials = MadeUp.trials(120, of: spec, seed: 22)
        let all = MadeUp.publications(spec, trials)
        let store = try shelf.open()
        try store.apply(Array(all[..<100]), of: Shelf.job, at: MadeUp.now)
        let follower = try peer.start(["follow", shelf.database, "fit", "120"])
        #expect(Programs.eventually { follower.output.contains("---") }, "\(follower.errors)")
        // The rest in small pieces, while it looks.
        for at in stride(from: 100, to: all.count, by: 7) {
            try store.apply(Array(all[at..<min(all.count, at + 7)]), of: Shelf.job, at: MadeUp.now)
        }
        let outcome = follower.wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        let parts = OptunaPeer.parts(outcome.output)
        try #require(parts.count == 2)
        #expect(parts[0].count < 120)
        try compare(parts[1], trials, spec)
    }

    @Test(arguments: OptunaPeer.all)
    func `Optuna goes on with our study, and ours goes on after it`(peer: OptunaPeer) throws {
        let shelf = Shelf()
        let spec = MadeUp.spec()
        let trials = MadeUp.trials(40, of: spec, seed: 23).map { trial in
            // A running trial of ours may not be told by them; they need finite values to model.
            var trial = trial
            trial.values = trial.values.map { $0.isFinite ? $0 : 1 }
            return trial
        }
        let all = MadeUp.publications(spec, trials)
        let store = try shelf.open()
        try store.apply(Array(all[..<60]), of: Shelf.job, at: MadeUp.now)
        let outcome = try peer.run(["extend", shelf.database, "fit"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        try store.apply(Array(all[60...]), of: Shelf.job, at: MadeUp.now)
        #expect(try peer.run(["extend", shelf.database, "fit"]).code == 0)
        let found = try StudyFile(shelf.database).read("fit", onlyOver: false).trials
        #expect(found.count == 54)
        let (ours, theirs) = (found.filter { $0.asked > 0 }, found.filter { $0.asked == 0 })
        #expect(theirs.count == 14 && ours.map(\.asked) == trials.map(\.asked))
        for (a, b) in zip(ours, trials) { #expect(a.state == b.state && bits(a.values) == bits(b.values)) }
        #expect(theirs.count { $0.attributes.contains(Study.NamedText("by", "\"optuna\"")) } == 12)
        #expect(try shelf.lines().count == 40)
    }

    @Test(arguments: OptunaPeer.all)
    func `a writer of Optuna's time may hold the file, and nothing is lost`(peer: OptunaPeer) throws {
        let shelf = Shelf()
        let spec = MadeUp.spec()
        let all = MadeUp.publications(spec, MadeUp.trials(10, of: spec, seed: 24))
        let store = try shelf.open()
        try store.apply(Array(all[..<5]), of: Shelf.job, at: MadeUp.now)
        let holder = try peer.start(["hold", shelf.database, "2"])
        #expect(Programs.eventually { holder.output.contains("held") }, "\(holder.errors)")
        try store.apply(Array(all[5...]), of: Shelf.job, at: MadeUp.now)
        #expect(holder.wait().code == 0)
        #expect(try StudyFile(shelf.database).read("fit").trials.count == 10)
    }

    @Test(arguments: OptunaPeer.all)
    func `Optuna's journal storage loads what is exported`(peer: OptunaPeer) throws {
        for directions in [[Study.Direction.minimize], [.maximize, .minimize]] {
            let shelf = Shelf()
            let spec = MadeUp.spec(directions: directions)
            var trials = MadeUp.trials(50, of: spec, seed: 25)
            var chance = SplitMix(seed: 4)
            trials.append(MadeUp.begun(50, of: spec, &chance))
            let path = shelf.folder.path + "/journal.log"
            try Data(StudyExport.journal.bytes(spec, trials)).write(to: URL(fileURLWithPath: path))
            let theirs = try #require(try peer.trials(["journal", path, "fit"]).first)
            try compare(theirs, trials, spec, startsRunning: false)
        }
    }

    @Test(arguments: OptunaPeer.all)
    func `what Optuna wrote is read as it shows it`(peer: OptunaPeer) throws {
        let shelf = Shelf()
        let parts = try peer.trials(["write", shelf.database])
        try #require(parts.count == 2)
        let file = try StudyFile(shelf.database)
        #expect(try file.names() == ["one", "two objectives", "empty"])
        for (name, theirs) in zip(["one", "two objectives"], parts) {
            let ours = try file.read(name, onlyOver: false)
            #expect(ours.trials.count == theirs.count)
            for (trial, their) in zip(ours.trials, theirs) {
                let words = their["facts"]?.array?.compactMap(\.string) ?? []
                expectSame(
                    words.filter { !$0.hasPrefix("system constraints") && !$0.hasPrefix("fixed") },
                    facts(trial, ours.parameters, constraintsAreNamed: false))
            }
            #expect(try file.read(name).trials.count == ours.trials.count { $0.state.isOver })
        }
        let one = try file.read("one")
        #expect(one.directions == [.maximize] && one.trials.count == 30)
        // Ranges that varied are the range of all.
        let kinds = Dictionary(uniqueKeysWithValues: one.parameters.map { ($0.name, $0.kind) })
        #expect(kinds["x"] == .float(low: -3, high: 3, step: nil, log: false))
        #expect(kinds["n"] == .int(low: 1, high: 11, step: 2, log: false))
        #expect(kinds["drop"] == .float(low: 0, high: 1, step: 0.25, log: false))
        #expect(kinds["lr"] == .float(low: 1e-5, high: 0.1, step: nil, log: true))
        #expect(kinds["w"] == .int(low: 1, high: 512, step: 1, log: true))
        let choices: [ParameterValue] = [
            .string("sgd"), .null, .bool(true), .int(3), .float(0.5), .string("a\"b\\ü"),
        ]
        #expect(kinds["opt"] == .categorical(choices))
        for trial in one.trials where trial.state == .complete {
            #expect(trial.constraints.map(\.value) == [Double(trial.number) - 10.5, -1])
        }
        #expect(try file.read("two objectives").directions == [.minimize, .maximize])
        let empty = try file.read("empty")
        #expect(empty.parameters.isEmpty && empty.trials.isEmpty)
        let missing = #expect(throws: (any Error).self) { try file.read("nothing") }
        #expect("\(try #require(missing))".contains("two objectives"))
    }

    @Test(arguments: OptunaPeer.all.filter { $0.path.isEmpty })
    func `the dashboard serves a study that runs`(peer: OptunaPeer) throws {
        let shelf = Shelf()
        let spec = MadeUp.spec()
        let trials = MadeUp.trials(30, of: spec, seed: 26)
        let store = try shelf.open()
        let all = MadeUp.publications(spec, trials)
        try store.apply(Array(all[..<50]), of: Shelf.job, at: MadeUp.now)
        let outcome = try peer.run(["dashboard", shelf.database])
        if outcome.errors.contains("No module named 'optuna_dashboard'") {
            return print("MISSING PEER: \(peer.python) has no optuna_dashboard; that it serves studies was not checked")
        }
        #expect(outcome.code == 0, "\(outcome.errors)")
        let study = try #require(JSONValue(outcome.output)?["studies"]?.array?.first)
        let count = try StudyFile(shelf.database).read("fit", onlyOver: false).trials.count
        #expect(study["name"]?.string == "fit" && study["trials"]?.double == Double(count))
        #expect(study["rows"]?.double ?? 0 > 0)
        // Whatever it wrote there, ours goes on.
        try store.apply(Array(all[50...]), of: Shelf.job, at: MadeUp.now)
        #expect(try StudyFile(shelf.database).read("fit").trials.count == 30)
        #expect(store.takeRemarks().isEmpty)
    }

    // MARK: - Comparing

    private func compare(
        _ theirs: [JSONValue], _ trials: [Study.Trial], _ spec: Study.Spec, startsRunning: Bool = true
    ) throws {
        try #require(theirs.count == trials.count)
        for (their, trial) in zip(theirs, trials) {
            var expected = facts(trial, spec.parameters)
            if startsRunning, trial.state == .running { expected.append("start 2026-01-30 18:00:00.123000") }
            expectSame(their["facts"]?.array?.compactMap(\.string) ?? [], expected)
            for (parameter, value) in zip(spec.parameters, trial.parameters) where trial.state != .waiting {
                let expected = value == nil ? nil : distribution(parameter)
                #expect(their["distributions"]?[parameter.name] == expected.flatMap { JSONValue($0) })
            }
        }
    }

    private func expectSame(_ theirs: [String], _ ours: [String]) {
        let theirs = Set(
            theirs.map { line in
                // We keep milliseconds.
                line.hasPrefix("start ") || line.hasPrefix("end ") ? line.dropLast(3) + "000" : line
            })
        let difference = theirs.symmetricDifference(ours).sorted()
        #expect(difference.isEmpty)
    }

    /// As the script prints them.
    private func facts(
        _ trial: Study.Trial, _ parameters: [StudyParameter], constraintsAreNamed: Bool = true
    ) -> [String] {
        func word(_ value: ParameterValue) -> String {
            switch value {
            case .null: "null"
            case .bool(let value): "\(value)"
            case .int(let value): "int \(value)"
            case .float(let value): "float \(hex(value))"
            case .string(let value): "text \(value)"
            }
        }
        var lines = ["number \(trial.number)", "state \(trial.state.optunaName)"]
        lines += trial.values.enumerated().map { "value \($0) \(hex($1))" }
        if trial.state != .waiting {
            lines += parameters.named(trial.parameters).map { "param \($0.name) \(word($0.value))" }
        }
        if constraintsAreNamed {
            lines += parameters.named(trial.fixed).map { "fixed \($0.name) \(word($0.value))" }
            lines += trial.constraints.map { "system constraints:\($0.name) \(hex($0.value))" }
        }
        lines += trial.reports.map { "report \($0.step) \(hex($0.value))" }
        lines += trial.notes.map { "system \($0.name) \(hex($0.value))" }
        lines += trial.attributes.map { "attr \($0.name) \(JSONValue($0.text)!.text)" }
        if trial.started > 0 { lines.append("start \(moment(trial.started))") }
        if trial.ended > 0 { lines.append("end \(moment(trial.ended))") }
        return lines
    }
    private func hex(_ value: Double) -> String {
        if value.isNaN { return "7ff8000000000000" }
        let text = String((value == 0 ? 0 : value).bitPattern, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
    private func moment(_ milliseconds: UInt64) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        let seconds = formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds / 1000)))
        return seconds + "." + String(1000 + milliseconds % 1000).dropFirst() + "000"
    }
    private func distribution(_ parameter: StudyParameter) -> String {
        switch parameter.kind {
        case .float(let low, let high, let step, let log):
            "{\"name\":\"FloatDistribution\",\"attributes\":{\"low\":\(low),\"high\":\(high),\"log\":\(log),\"step\":\(step.map { "\($0)" } ?? "null")}}"
        case .int(let low, let high, let step, let log):
            "{\"name\":\"IntDistribution\",\"attributes\":{\"low\":\(low),\"high\":\(high),\"log\":\(log),\"step\":\(step)}}"
        case .categorical(let choices):
            "{\"name\":\"CategoricalDistribution\",\"attributes\":{\"choices\":\(JSONValue.array(choices.map { JSONValue($0) }).text)}}"
        }
    }
}
