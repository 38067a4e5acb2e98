import Messages

/// No option is larger, and hyperband counts no trial longer, so that sums of them fit.
let highestStep = 1 << 50

/// The options behind a pruner's colon, taken one by one; what nobody took is an error.
struct PrunerOptions {
    let pruner: String
    /// In the order given; the empty name is an option without `=`.
    private var left: [(name: String, value: String)] = []
    private var known: [String] = []

    init(_ text: String) throws(JobError) {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        pruner = halves.first.map(String.init) ?? ""
        guard halves.count == 2 else { return }
        for part in halves[1].split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            // `asha:min=1` inside `patient:` has its own colon before the first `=`; it stays whole.
            let isInner = sides[0].contains(":")
            let (name, value) = sides.count == 2 && !isInner ? (sides[0], sides[1]) : ("", String(part))
            if left.contains(where: { $0.name == name }) {
                throw error(name.isEmpty ? "has '\(value)' without a name; write name=value" : "has \(name)= twice")
            }
            left.append((name, value))
        }
    }

    func error(_ words: String) -> JobError { JobError("pruner \(pruner) \(words).") }

    private mutating func take(_ name: String) -> String? {
        known.append(name)
        return left.firstIndex { $0.name == name }.map { left.remove(at: $0).value }
    }

    /// nil when it is absent or `auto`.
    mutating func optionalInteger(_ name: String, from lowest: Int) throws(JobError) -> Int? {
        guard let text = take(name), text != "auto" else { return nil }
        guard let value = Int(text), value >= lowest, value <= highestStep else {
            throw error("has \(name)=\(text); give a whole number from \(lowest)")
        }
        return value
    }

    mutating func integer(_ name: String, from lowest: Int, default value: Int) throws(JobError) -> Int {
        if let given = left.first(where: { $0.name == name })?.value, given == "auto" {
            throw error("has \(name)=auto; give a whole number from \(lowest)")
        }
        return try optionalInteger(name, from: lowest) ?? value
    }

    mutating func number(
        _ name: String, in range: ClosedRange<Double>, default value: Double?
    ) throws(JobError) -> Double? {
        guard let text = take(name) else { return value }
        guard let number = Double(text), range.contains(number) else {
            let wanted =
                range.lowerBound.isFinite ? "from \(words(range.lowerBound)) to \(words(range.upperBound))" : ""
            throw error(
                "has \(name.isEmpty ? "" : "\(name)=")\(text); give a number\(wanted.isEmpty ? "" : " \(wanted)")")
        }
        return number
    }

    /// What is left, as text for an inner pruner.
    mutating func takeRest() -> String {
        defer { left = [] }
        guard let inner = left.first(where: { $0.name.isEmpty })?.value else {
            return left.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        }
        let rest = left.filter { !$0.name.isEmpty }.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        return rest.isEmpty ? inner : inner + (inner.contains(":") ? "," : ":") + rest
    }

    func end() throws(JobError) {
        guard let (name, value) = left.first else { return }
        let wanted = known.filter { !$0.isEmpty }
        let names = wanted.isEmpty ? "it takes no options" : "it takes \(wanted.joined(separator: ", "))"
        throw error("does not know \(name.isEmpty ? "'\(value)'" : "\(name)="); \(names)")
    }
}
