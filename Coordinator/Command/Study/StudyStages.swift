import Configuration
import Foundation
import JSON
import Jobs
import Market
import Messages

// What commands know of three-stage studies.

/// What `--stages` says, and the bars that a built-in algorithm trades in them.
struct StageInput {
    let stages: ThreeStages
    /// `StrategyBars`, where an algorithm is the objective.
    var bars: [UInt8]?

    /// A demo market long enough for three windows after the bars that the first signal looks back on.
    private static let demoSymbols = 400, demoDays = 150

    /// Of a program: it has its own bars.
    init(_ word: String) throws {
        guard word != "auto" else {
            throw UsageError(
                "--stages auto chooses from bars, for algorithm:NAME; give a file that says your symbols and windows.")
        }
        stages = try StagesFile.read(word)
    }

    /// Of one of the weekend's algorithms.
    /// - Parameter path: of bars; nil: the demo market.
    init(_ word: String, bars path: String?) throws {
        let name = path ?? "the demo market"
        let csv =
            try path.map { try InputFile.bytes(path: $0) }
            ?? DemoMarket.csv(
                seed: WeekendSettings().seed, symbolCount: Self.demoSymbols, dayCount: Self.demoDays)
        let all = try DailyBars(csv: csv, name: name)
        stages = word == "auto" ? try ThreeStages(choosingFrom: all, name: name) : try StagesFile.read(word)
        bars = try StrategyBars(all, for: stages, name: name).wireBytes
    }
}

extension ThreeStages {
    /// One line a stage.
    var lines: [String] {
        Stage.allCases.map { stage in
            let setting = self[stage]
            let shown = setting.symbols.prefix(5).joined(separator: " ")
            let symbols =
                setting.symbols.count > 5 ? "\(shown) and \(setting.symbols.count - 5) more" : shown
            let from =
                switch stage {
                case .coarse: ""
                case .refine: ", begins with the best \(setting.promoted) of coarse"
                case .forward: ": the best of refine, nothing tuned"
                }
            let name = stage.name + String(repeating: " ", count: 8 - stage.name.count)
            return "  \(name)\(setting.window)  \(counted(setting.trials, "trial"))\(from)  on \(symbols)"
        }
    }

    /// As the file has it.
    var json: JSONValue {
        .object(
            Stage.allCases.map { stage in
                let setting = self[stage]
                return JSONValue.Member(
                    key: stage.name,
                    value: [
                        "symbols": .array(setting.symbols.map { .string($0) }),
                        "window": .string("\(setting.window)"), "trials": JSONValue(setting.trials),
                        "promoted": JSONValue(setting.promoted),
                    ])
            })
    }
}

/// How far a three-stage study has come.
struct StageSummary {
    let stages: ThreeStages
    let trials: [Study.Trial]

    private func trials(of stage: ThreeStages.Stage) -> [Study.Trial] { trials.filter { $0.stage == stage } }
    /// Best first.
    var candidates: [Study.Trial] { ThreeStages.furthest(trials).filter(\.isCandidate) }

    private var begun: ThreeStages.Stage { trials.compactMap(\.stage).max() ?? .coarse }
    private var forwardIsOver: Bool {
        let forward = trials(of: .forward)
        return !forward.isEmpty && forward.allSatisfy(\.state.isOver)
    }

    var lines: [String] {
        var lines: [String] = []
        for stage in ThreeStages.Stage.allCases where stage <= begun {
            let own = trials(of: stage)
            let over = own.count { $0.state.isOver }
            let best = own.filter { $0.state == .complete && $0.isFeasible }.compactMap(\.values.first).max()
            let total = stage == .forward ? own.count : stages[stage].trials
            let promoted = own.count { $0.promotedFrom != nil }
            lines.append(
                "  \(stage.name): \(over) of \(counted(total, "trial"))"
                    + (promoted > 0 ? ", \(promoted) of them promoted" : "")
                    + (best.map { ", best \(brief($0))" } ?? ""))
        }
        if forwardIsOver {
            lines.append(
                candidates.isEmpty
                    ? "no candidate: nothing that was promoted scored above \(brief(stages.floor)) in the forward window"
                    : "\(counted(candidates.count, "candidate")): "
                        + candidates.map { "trial \($0.number) (\(brief($0.values[0])))" }.joined(separator: ", "))
        } else if begun != .forward, trials(of: begun).count(where: { $0.state.isOver }) == stages[begun].trials {
            lines.append("nothing to promote: no trial of stage \(begun.name) is complete and feasible")
        }
        return lines
    }

    var json: JSONValue {
        .object(
            ThreeStages.Stage.allCases.map { stage in
                let own = trials(of: stage)
                return JSONValue.Member(
                    key: stage.name,
                    value: .object(present: [
                        "trials": JSONValue(own.count), "over": JSONValue(own.count { $0.state.isOver }),
                        "promoted": JSONValue(own.count { $0.promotedFrom != nil }),
                        "best": own.filter { $0.state == .complete && $0.isFeasible }.compactMap(\.values.first).max()
                            .map { .number($0) },
                        "window": .string("\(stages[stage].window)"),
                        "symbols": .array(stages[stage].symbols.map { .string($0) }),
                    ]))
            })
    }
}
