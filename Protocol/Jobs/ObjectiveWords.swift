import Messages

/// A trial's place in a program's arguments.
///
/// `{name}` becomes the value of a parameter, `{trial.number}`, `{trial.dir}`, `{trial.seed}`, `{trial.attempt}`,
/// `{study.name}` and `{params.json}` what they say; `{{name}}` becomes `{name}`. Any other braces, and those of the
/// shell's `${name}`, stay as they are, so that JSON and scripts pass; but `{name}` of a parameter that the study does
/// not have is an error: it is a typing mistake more often than anything else.
///
/// A word with a parameter that the trial does not have is left out; if it is nothing else (`--momentum {momentum}`),
/// the option before it too.
package struct ObjectiveWords {
    /// By name: nil for a parameter that the trial does not have.
    private let values: [(name: String, text: String?)]
    package init(values: [(name: String, text: String?)]) { self.values = values }

    /// What a trial has besides its parameters; `{stage…}` only in a study of three stages.
    package static let ownNames = [
        "trial.number", "trial.dir", "trial.seed", "trial.attempt", "study.name", "params.json",
    ]

    /// - Throws: when a word asks for what the study does not have.
    package func filled(_ words: [String]) throws(JobError) -> [String] {
        var result: [String] = []
        for (at, word) in words.enumerated() {
            if let text = try filled(word) {
                result.append(text)
            } else if at > 1, isOneTemplate(word), isOption(words[at - 1]), result.last == words[at - 1] {
                result.removeLast()
            }
        }
        return result
    }

    private func isOption(_ word: String) -> Bool { word.hasPrefix("-") && word.count > 1 && !word.contains("=") }
    private func isOneTemplate(_ word: String) -> Bool {
        word.hasPrefix("{") && word.firstIndex(of: "}") == word.indices.last
    }

    /// Nil when the word asks for a parameter that the trial does not have.
    private func filled(_ word: String) throws(JobError) -> String? {
        var result: [UInt8] = []
        var rest = Array(word.utf8)[...]
        var isWanted = true
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "{"), result.last != UInt8(ascii: "$") else {
                result.append(byte)
                continue
            }
            let isEscaped = rest.first == UInt8(ascii: "{")
            let inner = isEscaped ? rest.dropFirst() : rest
            guard let close = inner.firstIndex(of: UInt8(ascii: "}")),
                let name = String(validating: inner[..<close], as: UTF8.self)
            else {
                result.append(byte)
                continue
            }
            let value = values.first { $0.name == name }
            let isName = value != nil || looksLikeName(inner[..<close])
            if isEscaped {
                guard isName, inner[(close + 1)...].first == UInt8(ascii: "}") else {
                    result.append(byte)
                    continue
                }
                result += [byte] + inner[...close]
                rest = rest[(close + 2)...]
            } else if let value {
                if let text = value.text { result += text.utf8 } else { isWanted = false }
                rest = rest[(close + 1)...]
            } else if isName {
                throw JobError(
                    "the objective's word \(word) asks for {\(name)}, which the study does not have; it has "
                        + values.map { "{\($0.name)}" }.joined(separator: ", ")
                        + ". For the braces themselves write {{\(name)}}.")
            } else {
                result.append(byte)
            }
        }
        return isWanted ? String(decoding: result, as: UTF8.self) : nil
    }

    private func looksLikeName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy { isLetter($0) || (48...57).contains($0) || $0 == 46 || $0 == 45 }
    }
    private func isLetter(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
    }
}
