import Foundation
import Samplers

/// One study of Golden/traces.txt: what Optuna 5.0 suggested. Golden/make_traces.py says how the file is written, and
/// has the same rules for how a trial ends.
struct Trace: CustomStringConvertible, Sendable {
    var name: String
    var seed: UInt32
    var directions: [Direction]
    var isMultivariate: Bool
    /// Trials pending at most, and which of the other rules hold.
    var window = 1
    var flavours: Set<String> = []
    var parameters: [Parameter] = []
    /// Per trial 32 bits of a hash of its values; and now and then the values.
    var digests: [String] = []
    var spots: [Int: [Double?]] = [:]
    var description: String { name }

    static let all = read.filter { !$0.flavours.contains("random") }
    static let random = read.filter { $0.flavours.contains("random") }

    private static let read: [Trace] = {
        guard let file = Bundle.module.url(forResource: "traces", withExtension: "txt", subdirectory: "Golden"),
            let text = try? String(contentsOf: file, encoding: .utf8)
        else { fatalError("Golden/traces.txt is not beside the tests") }
        var traces: [Trace] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let last = traces.count - 1
            switch words[0] {
            case "study": traces.append(Trace(head: words))
            case "choice":
                traces[last].add(words, 3, .categorical(choices: Int(words[2])!))
            case "int":
                traces[last].add(
                    words, 6,
                    .int(low: Int(words[2])!, high: Int(words[3])!, step: Int(words[4])!, log: words[5] == "1"))
            case "float":
                let step = Double(words[4])!
                traces[last].add(
                    words, 6,
                    .float(
                        low: Double(words[2])!, high: Double(words[3])!, step: step > 0 ? step : nil,
                        log: words[5] == "1"))
            default:
                if words.count > 1 {
                    traces[last].spots[traces[last].digests.count] = words.dropFirst().map(Double.init)
                }
                traces[last].digests.append(words[0])
            }
        }
        return traces
    }()

    private init(head words: [String]) {
        name = words[1]
        seed = UInt32(words[2])!
        directions = words[3].split(separator: ",").map { $0 == "max" ? .maximize : .minimize }
        isMultivariate = words[4] == "1"
        flavours = Set(words[6...])
        if let at = words.firstIndex(of: "window") { window = Int(words[at + 1])! }
    }

    private mutating func add(_ words: [String], _ count: Int, _ distribution: Distribution) {
        var when: Condition?
        if words.count > count {
            when = Condition(parent: Int(words[count + 1])!, values: words[(count + 2)...].map { Double($0)! })
        }
        parameters.append(Parameter(words[1], distribution, when: when))
    }

    static func digest(_ values: [Double?]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for value in values {
            var word = (value ?? -1e308).bitPattern
            for _ in 0..<8 {
                hash = (hash ^ word & 0xFF) &* 0x100_0000_01B3
                word >>= 8
            }
        }
        let text = String(UInt32(truncatingIfNeeded: hash ^ hash >> 32), radix: 16)
        return String(repeating: "0", count: 8 - text.count) + text
    }

    // MARK: The rules

    /// What somebody enqueued for a trial.
    func fixed(_ number: Int) -> [Double?] {
        var values = [Double?](repeating: nil, count: parameters.count)
        guard flavours.contains("fixed"), [5, 9].contains(number % 13) else { return values }
        for at in parameters.indices where number % 13 == 5 || at == 0 {
            let u = Double((number * 7919 + 31 * at) % 97) / 97
            switch parameters[at].distribution {
            case .categorical(let choices): values[at] = (u * Double(choices)).rounded(.down)
            case .int(let low, let high, let step, _):
                values[at] = Double(low + step * Int((u * Double((high - low) / step + 1)).rounded(.down)))
            case .float(let low, let high, let step?, _):
                values[at] = low + step * (u * ((high - low) / step).rounded(.down)).rounded(.down)
            case .float(let low, let high, nil, _): values[at] = low + u * (high - low)
            }
        }
        return values
    }

    /// Nil for a trial that failed.
    func end(of number: Int, _ values: [Double?]) -> Trial? {
        if flavours.contains("fails") && number % 29 == 3 { return nil }
        var violation = 0.0
        if flavours.contains("constraints") && number * 6007 % 100 < 60 {
            violation = Double(max((number * 37 % 11) - 5, 0) + max((number * 53 % 7) - 3, 0))
        }
        var outcome = Trial.Outcome.complete(values: directions.indices.map { objective(values, $0) })
        if flavours.contains("pruned") && number * 7919 % 100 < 60 {
            let step = number * 31 % 5
            let value = step == 4 && number % 3 == 0 ? Double.nan : objective(values, 0)
            outcome = .pruned(lastReport: step > 0 ? .init(step: step, value: value) : nil)
        }
        return Trial(number: number, values: values, outcome: outcome, violation: violation)
    }

    private func objective(_ values: [Double?], _ which: Int) -> Double {
        var total = 0.0
        for (i, value) in values.enumerated() {
            guard let v = value else { continue }
            let target = (0.3 - 0.7 * Double(which)) * Double(i + 1)
            total += (v - target) * (v - target) / (1.0 + Double(which) + v * v)
        }
        return (total * 512).rounded(.down) / 512
    }
}
