import Foundation
import Objectives
import Samplers

/// How far from the optimum each sampler ends beside Optuna's of the same name, on the same functions with the same
/// seeds: `bench regret [SEEDS] [SAMPLER…] [FUNCTION…]`. Optuna runs bench/peers/regret_optuna.py, from APEX_PEERS or `python3`.
package enum RegretBench {
    private struct Contest {
        var kind: SamplerKind
        var trials: Int
        /// Optuna samples choices at random here, and ours refuses a space of choices alone.
        var skips: [String] = []
    }
    private static let contests = [
        Contest(kind: .tpe, trials: 100), Contest(kind: .cmaes, trials: 200, skips: ["table"]),
        Contest(kind: .gp, trials: 30),
    ]
    private static var functions: [TestFunction] { TestFunctions.all.filter { $0.objectives == 1 } }

    package static func run(arguments: [String]) {
        let seeds = arguments.first.flatMap { Int($0) } ?? 30
        let wanted = arguments.filter { name in contests.contains { $0.kind.rawValue == name } }
        let named = functions.filter { arguments.contains($0.name) }
        let python = PeerProcess.python
        for contest in contests where wanted.isEmpty || wanted.contains(contest.kind.rawValue) {
            print("\(contest.kind.rawValue): regret after \(contest.trials) trials, median of \(seeds) seeds")
            print("  function        ours       Optuna     ours / Optuna (95 % of bootstraps)   equal  ms ours  Optuna")
            var wins = (ours: 0, theirs: 0)
            for function in named.isEmpty ? functions : named where !contest.skips.contains(function.name) {
                guard let row = compare(contest, function, seeds, python) else { return }
                print("  " + row.text)
                _ = fflush(nil)  // a row takes a minute
                if row.high < 1 { wins.ours += 1 }
                if row.low > 1 { wins.theirs += 1 }
            }
            print("  clearly better: ours on \(wins.ours), Optuna on \(wins.theirs)")
        }
    }

    private struct Row {
        var text: String
        var low: Double, high: Double
    }

    private static func compare(_ contest: Contest, _ function: TestFunction, _ seeds: Int, _ python: String) -> Row? {
        let space = space(of: function)
        var (ours, equal, milliseconds) = ([[Double]](), 0, 0.0)
        for seed in 0..<seeds {
            let (losses, spent) = study(contest, function, space, UInt32(seed))
            ours.append(losses)
            milliseconds += spent
        }
        guard case .value(let best) = function.best else { return nil }
        func regrets(_ studies: [[Double]]) -> [Double] { studies.map { max(($0.min() ?? .nan) - best, 1e-12) } }
        let peer = OptunaProcess(python, contest.kind.rawValue, contest.trials, seeds)
        guard let theirs = peer.studies(of: function, space) else {
            let own = String(format: "%-14@  %-9.3g", function.name as NSString, median(regrets(ours)))
            print("  \(own)  Optuna is missing (\(python) with optuna 5.0; set APEX_PEERS to its environment)")
            return Row(text: "", low: 1, high: 1)
        }
        for (a, b) in zip(ours, theirs.losses) where a == b { equal += 1 }
        let (a, b) = (regrets(ours), regrets(theirs.losses))
        let (low, high) = interval(a, b)
        let text = String(
            format: "%-14@  %-9.3g  %-9.3g  %-7.3g (%.3g … %.3g)%@  %2d/%d  %7.2f %7.2f", function.name as NSString,
            median(a), median(b), median(a) / median(b), low, high, "" as NSString, equal, seeds,
            milliseconds / Double(seeds * contest.trials), theirs.seconds * 1000 / Double(seeds * contest.trials))
        return Row(text: text, low: low, high: high)
    }

    private static func study(_ contest: Contest, _ function: TestFunction, _ space: Space, _ seed: UInt32)
        -> (losses: [Double], milliseconds: Double)
    {
        guard var sampler = try? makeSampler(contest.kind, space: space, seed: seed, directions: [.minimize]) else {
            return ([], 0)
        }
        let free = [Double?](repeating: nil, count: space.count)
        var losses: [Double] = []
        var spent = Duration.zero
        for number in 0..<contest.trials {
            let start = ContinuousClock.now
            guard let values = sampler.suggest(number: number, pending: [], fixed: free)?.values else { break }
            spent += ContinuousClock.now - start
            let loss = evaluate(function, values)
            losses.append(loss)
            sampler.learn(Trial(number: number, values: values, outcome: .complete(loss)))
        }
        return (losses, Double(spent.components.attoseconds) / 1e15 + Double(spent.components.seconds) * 1000)
    }

    fileprivate static func evaluate(_ function: TestFunction, _ values: [Double?]) -> Double {
        var named: [String: Double] = [:]  // looked up by name only
        for (parameter, value) in zip(function.parameters, values) { named[parameter.name] = value }
        return function.evaluate(named)[0]
    }

    private static func space(of function: TestFunction) -> Space {
        SamplersBench.space(
            function.parameters.map { parameter in
                var when: Condition?
                if let condition = parameter.when,
                    let parent = function.parameters.firstIndex(where: { $0.name == condition.parent }),
                    let choice = function.parameters[parent].choices.firstIndex(of: condition.choice)
                {
                    when = Condition(parent: parent, values: [Double(choice)])
                }
                let distribution: Distribution
                switch parameter.kind {
                case .categorical: distribution = .categorical(choices: parameter.choices.count)
                case .int:
                    distribution = .int(
                        low: Int(parameter.low), high: Int(parameter.high), step: Int(parameter.step ?? 1),
                        log: parameter.isLog)
                case .float:
                    distribution = .float(
                        low: parameter.low, high: parameter.high, step: parameter.step, log: parameter.isLog)
                }
                return Parameter(parameter.name, distribution, when: when)
            })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// 2.5 % and 97.5 % of the ratio of medians over 2,000 pairs of samples drawn again with replacement.
    private static func interval(_ a: [Double], _ b: [Double]) -> (low: Double, high: Double) {
        var state: UInt64 = 1
        func resampled(_ values: [Double]) -> Double {
            median(
                values.map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return values[Int((state >> 33) % UInt64(values.count))]
                })
        }
        let ratios = (0..<2000).map { _ in resampled(a) / resampled(b) }.sorted()
        return (ratios[50], ratios[1949])
    }
}

/// bench/peers/regret_optuna.py, which asks for the loss of each trial.
private struct OptunaProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let trials: Int
    private let seeds: Int

    init(_ python: String, _ kind: String, _ trials: Int, _ seeds: Int) {
        (self.trials, self.seeds) = (trials, seeds)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, PeerProcess.file("regret_optuna.py"), kind, "\(trials)", "\(seeds)"]
        process.environment = ProcessInfo.processInfo.environment.merging(PeerProcess.scalar) { $1 }
            .merging(["OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"]) { $1 }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
    }

    /// Per seed the losses, and the seconds spent in Optuna.
    func studies(of function: TestFunction, _ space: Space) -> (losses: [[Double]], seconds: Double)? {
        signal(SIGPIPE, SIG_IGN)
        do { try process.run() } catch { return nil }
        defer {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        guard write(space.parameters.map(line).joined() + "\n") else { return nil }
        var (studies, losses, seconds) = ([[Double]](), [Double](), 0.0)
        var buffer: [UInt8] = []
        while studies.count < seeds {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { return nil }
            buffer += data
            while let end = buffer.firstIndex(of: 10) {
                let words = String(decoding: buffer[..<end], as: UTF8.self).split(separator: " ").map(String.init)
                buffer.removeFirst(end + 1)
                if words.first == "done" {
                    seconds += words.count > 1 ? Double(words[1]) ?? 0 : 0
                    studies.append(losses)
                    losses = []
                    continue
                }
                let loss = RegretBench.evaluate(function, words.map { Double($0) })
                losses.append(loss)
                guard write("\(loss)\n") else { return nil }
            }
        }
        return (studies, seconds)
    }

    private func write(_ text: String) -> Bool {
        (try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))) != nil
    }

    private func line(_ parameter: Samplers.Parameter) -> String {
        var text: String
        switch parameter.distribution {
        case .categorical(let choices): text = "choice \(parameter.name) \(choices)"
        case .int(let low, let high, let step, let log):
            text = "int \(parameter.name) \(low) \(high) \(step) \(log ? 1 : 0)"
        case .float(let low, let high, let step, let log):
            text = "float \(parameter.name) \(low) \(high) \(step ?? 0) \(log ? 1 : 0)"
        }
        if let when = parameter.when {
            text += " when \(when.parent) \(when.values.map { "\($0)" }.joined(separator: " "))"
        }
        return text + "\n"
    }
}
