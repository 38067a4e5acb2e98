import Foundation
import Samplers

/// One study of Golden/traces.txt: what Optuna 5.0 was asked and what it suggested. Golden/make_traces.py says how the
/// file is written.
struct Trace: CustomStringConvertible {
    var name: String
    var seed: UInt32
    var direction: Direction
    var isMultivariate: Bool
    var batch: Int
    var space: [Parameter] = []
    var trials: [Trial] = []
    var description: String { name }

    static let all: [Trace] = {
        guard let file = Bundle.module.url(forResource: "traces", withExtension: "txt", subdirectory: "Golden"),
            let text = try? String(contentsOf: file, encoding: .utf8)
        else { fatalError("Golden/traces.txt is not beside the tests") }
        var traces: [Trace] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let last = traces.count - 1
            switch words[0] {
            case "study":
                traces.append(
                    Trace(
                        name: words[1], seed: UInt32(words[2])!, direction: words[3] == "max" ? .maximize : .minimize,
                        isMultivariate: words[4] == "1", batch: Int(words[5])!))
            case "choice":
                traces[last].space.append(Parameter(words[1], .categorical(choices: Int(words[2])!)))
            case "int":
                traces[last].space.append(
                    Parameter(
                        words[1],
                        .int(low: Int(words[2])!, high: Int(words[3])!, step: Int(words[4])!, log: words[5] == "1")))
            case "float":
                let step = Double(words[4])!
                traces[last].space.append(
                    Parameter(
                        words[1],
                        .float(
                            low: Double(words[2])!, high: Double(words[3])!, step: step > 0 ? step : nil,
                            log: words[5] == "1")))
            default:
                let report = words[0] == "p" ? 3 : 2
                let outcome: Trial.Outcome
                if words[0] == "p" {
                    let step = Int(words[1])!
                    outcome = .pruned(lastReport: step > 0 ? .init(step: step, value: Double(words[2])!) : nil)
                } else {
                    outcome = .complete(Double(words[1])!)
                }
                traces[last].trials.append(
                    Trial(
                        number: traces[last].trials.count, values: words[report...].map { Double($0)! },
                        outcome: outcome))
            }
        }
        return traces
    }()
}
