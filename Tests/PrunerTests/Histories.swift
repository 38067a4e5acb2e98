import Foundation
import Samplers

/// One study of Golden/decisions.txt: what was reported and what Optuna 5.0 decided. Golden/decisions.py says how the
/// file is written.
struct History: CustomStringConvertible, Sendable {
    enum Event: Sendable {
        case reported(trial: Int, step: Int, value: Double, isPruned: Bool)
        case ended(trial: Int, state: String, value: Double)
    }
    var name: String
    var direction: Direction
    var pruner: String
    var events: [Event] = []
    /// Per trial number what it had when it completed a rung, lowest rung first.
    var rungs: [Int: [Double]] = [:]
    var description: String { "\(name) \(direction) \(pruner)" }

    static let all: [History] = {
        guard let file = Bundle.module.url(forResource: "decisions", withExtension: "txt", subdirectory: "Golden"),
            let text = try? String(contentsOf: file, encoding: .utf8)
        else { fatalError("Golden/decisions.txt is not beside the tests") }
        var histories: [History] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let last = histories.count - 1
            switch words[0] {
            case "study":
                histories.append(
                    History(
                        name: String(words[1]), direction: words[2] == "max" ? .maximize : .minimize,
                        pruner: String(words[3])))
            case "r":
                histories[last].events.append(
                    .reported(
                        trial: Int(words[1])!, step: Int(words[2])!, value: Double(words[3])!,
                        isPruned: words[4] == "1"))
            case "e":
                histories[last].events.append(
                    .ended(trial: Int(words[1])!, state: String(words[2]), value: Double(words[3])!))
            case "n": histories[last].rungs[Int(words[1])!] = words[2...].map { Double($0)! }
            default: fatalError("decisions.txt has a line that starts with \(words[0])")
            }
        }
        return histories
    }()
}
