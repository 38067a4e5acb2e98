import Analysis
import Foundation
import Samplers

/// One study of Golden/importances.txt with Optuna 5.0's importances. Golden/importances.py says how it is written.
struct GoldenStudy: CustomStringConvertible, Sendable {
    var name: String
    var directions: [Direction]
    var trials: [AnalysisTrial] = []
    /// Per objective, then for all together when there are several: importance by name.
    var importances: [[String: Double]] = []
    var description: String { name }

    static let all: [GoldenStudy] = {
        guard let file = Bundle.module.url(forResource: "importances", withExtension: "txt", subdirectory: "Golden"),
            let text = try? String(contentsOf: file, encoding: .utf8)
        else { fatalError("Golden/importances.txt is not beside the tests") }
        var studies: [GoldenStudy] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let last = studies.count - 1
            switch words[0] {
            case "study":
                studies.append(
                    GoldenStudy(name: words[1], directions: words[2...].map { $0 == "max" ? .maximize : .minimize }))
            case "i":
                let pairs = words[2...].map { $0.split(separator: "=") }
                studies[last].importances.append(
                    Dictionary(uniqueKeysWithValues: pairs.map { (String($0[0]), Double($0[1])!) }))
            default:
                let count = words[0] == "c" ? studies[last].directions.count : 0
                studies[last].trials.append(
                    AnalysisTrial(
                        number: studies[last].trials.count,
                        state: words[0] == "c" ? .complete : words[0] == "p" ? .pruned : .failed,
                        values: words[1..<(1 + count)].map { Double($0)! },
                        parameters: words[(1 + count)...].map(parameter)))
            }
        }
        return studies
    }()

    private static func parameter(_ word: String) -> AnalysisTrial.Value {
        let parts = word.split(separator: ":").map(String.init)
        let distribution: Distribution
        switch parts[0] {
        case "choice": distribution = .categorical(choices: Int(parts[2])!)
        case "int":
            distribution = .int(
                low: Int(parts[2])!, high: Int(parts[3])!, step: Int(parts[4])!, log: parts[5] == "1")
        default:
            let step = Double(parts[4])!
            distribution = .float(
                low: Double(parts[2])!, high: Double(parts[3])!, step: step > 0 ? step : nil, log: parts[5] == "1")
        }
        return AnalysisTrial.Value(name: parts[1], distribution: distribution, value: Double(parts.last!)!)
    }
}
