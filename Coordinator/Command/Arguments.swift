import Messages

/// The words after a command's name: flags with and without values, then the rest. Everything must be known and used.
struct Arguments {
    private var words: [String]
    /// What came after `--`.
    private(set) var trailing: [String] = []

    init(_ words: [String]) {
        if let end = words.firstIndex(of: "--") {
            self.words = Array(words[..<end])
            trailing = Array(words[(end + 1)...])
        } else {
            self.words = words
        }
    }

    /// What is left before `--`.
    var all: [String] { words }

    /// True when the flag was given, with a value or without. Leaves it.
    func has(_ name: String) -> Bool { words.contains { $0 == name || $0.hasPrefix(name + "=") } }

    /// True when the flag was given. Takes it.
    mutating func flag(_ name: String) -> Bool {
        guard let at = words.firstIndex(of: name) else { return false }
        words.remove(at: at)
        return true
    }

    /// The value of `--name VALUE` or `--name=VALUE`; the last one counts. Takes it.
    mutating func value(_ name: String) throws(UsageError) -> String? {
        var found: String?
        while let at = words.firstIndex(where: { $0 == name || $0.hasPrefix(name + "=") }) {
            if words[at] == name {
                guard at + 1 < words.count else { throw UsageError("\(name) wants a value after it.") }
                found = words[at + 1]
                words.removeSubrange(at...at + 1)
            } else {
                found = String(words[at].dropFirst(name.count + 1))
                words.remove(at: at)
            }
        }
        return found
    }

    /// The first of several `--name VALUE`. Takes only that one.
    mutating func firstValue(_ name: String) throws(UsageError) -> String? {
        guard let at = words.firstIndex(where: { $0 == name || $0.hasPrefix(name + "=") }) else { return nil }
        let tail = words.suffix(from: at + 1)
        var rest = Arguments(Array(words[at...at]) + tail.prefix(1))
        let found = try rest.value(name)
        words.removeSubrange(at..<min(words.count, at + (words[at] == name ? 2 : 1)))
        return found
    }

    mutating func integer<Number: FixedWidthInteger>(_ name: String, _ range: ClosedRange<Number>) throws(UsageError)
        -> Number?
    {
        guard let text = try value(name) else { return nil }
        guard let number = Number(text), range.contains(number) else {
            throw UsageError("\(name) is \(text); give a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// True when this is the first word. Takes it.
    mutating func take(_ word: String) -> Bool {
        guard words.first == word else { return false }
        words.removeFirst()
        return true
    }

    /// The next word that is no flag.
    mutating func word(_ what: String) throws(UsageError) -> String {
        guard let at = words.firstIndex(where: { !$0.hasPrefix("-") }) else { throw UsageError("\(what) is missing.") }
        return words.remove(at: at)
    }
    mutating func optionalWord() -> String? {
        guard let at = words.firstIndex(where: { !$0.hasPrefix("-") }) else { return nil }
        return words.remove(at: at)
    }

    /// Call last: whatever is left is a mistake.
    func finish() throws(UsageError) {
        guard let word = words.first else { return }
        throw UsageError(word.hasPrefix("-") ? "there is no option \(word) here." : "\(word) is one word too many.")
    }
    func finishWithoutTrailing() throws(UsageError) {
        try finish()
        guard trailing.isEmpty else { throw UsageError("\(trailing[0]) after -- has no meaning here.") }
    }
}

/// Wrong use: exit code 2, with the command's help named.
struct UsageError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// What a command ends with. DESIGN §8.
enum ExitCode: Int32 {
    case done = 0
    case failed = 1
    case wrongUse = 2
    /// Interrupted; the same command, or `apex resume`, goes on.
    case resumable = 3
    /// The budget ended before the proof.
    case unproved = 4
}
