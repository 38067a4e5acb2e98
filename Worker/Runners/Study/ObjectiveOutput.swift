import Glibc
import Jobs

/// What a program says about its trial, taken from what it prints.
///
/// Lines that begin with `::apex ` (or `::hpo `) and go on with one JSON object are meant for us; on the channel the
/// prefix may be left out. All else on standard output is log, in which the last line that is a bare number, or that
/// the study's pattern matches, is the result where no `result` was given. Standard error is log alone.
struct ObjectiveOutput {
    /// A longer line is none of ours.
    static let maximumLineBytes = 64 << 10
    /// Constraints and attributes of a trial, at most, and their bytes.
    static let maximumNotes = 1000
    static let maximumNoteBytes = 1 << 20
    private static let prefixes = [Array("::apex ".utf8), Array("::hpo ".utf8)]
    /// A number with its sign, point and exponent is shorter; a few of them with spaces too.
    private static let maximumNumberBytes = 1 << 10

    /// Reports since they were last taken away.
    var reports: [Study.Report] = []
    private(set) var constraints: [Study.NamedNumber] = []
    private(set) var attributes: [Study.NamedText] = []
    private(set) var isPruned = false
    private(set) var failure: ObjectiveError?
    /// It speaks the protocol wrongly: the program is not worth running on.
    private(set) var fault: ObjectiveError?

    private let objectives: Int
    private let pattern: LinePattern?
    private var results: [[Double]] = []
    private var logged: [Double]?
    private var patternText: String?
    private var noteBytes = 0
    private var output = Lines()
    private var channel = Lines()

    init(objectives: Int, pattern: LinePattern?) {
        self.objectives = objectives
        self.pattern = pattern
    }

    mutating func heard(_ bytes: Span<UInt8>, on source: ChildSource) {
        // Lines are taken out so that the body may change everything else.
        switch source {
        case .errorOutput: return
        case .output:
            var lines = Lines()
            swap(&lines, &output)
            lines.take(bytes, all: pattern != nil) { read($0, isOutput: true) }
            output = lines
        case .channel:
            var lines = Lines()
            swap(&lines, &channel)
            lines.take(bytes, all: false) { read($0, isOutput: false) }
            channel = lines
        }
    }

    /// The program is over: what follows the last line's end is a line.
    mutating func finish() {
        heard([10].span, on: .output)
        heard([10].span, on: .channel)
    }

    /// What a program that ended well has for a result.
    func values() throws(ObjectiveError) -> [Double] {
        if results.count > 1 { throw ObjectiveError("it gave \(results.count) results; a trial has one.") }
        var values = results.first ?? logged
        if values == nil, let patternText {
            guard let number = Double(patternText) else {
                throw ObjectiveError("the pattern found \"\(patternText)\", which is no number.")
            }
            values = [number]
        }
        guard let values else {
            throw ObjectiveError(
                pattern == nil
                    ? "it gave no result: print the value alone on the last line, or "
                        + "`::apex {\"result\": {\"value\": 1.5}}`."
                    : "it gave no result: the pattern matches no line of what it printed.")
        }
        guard values.count == objectives else {
            throw ObjectiveError("its result has \(Self.count(values.count, "value")); the study has \(objectives).")
        }
        if let at = values.firstIndex(where: \.isNaN) {
            throw ObjectiveError(values.count == 1 ? "its result is NaN." : "value \(at + 1) of its result is NaN.")
        }
        return values
    }

    static func count(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }

    // MARK: - Lines

    private mutating func read(_ line: Lines.Line, isOutput: Bool) {
        let text = line.bytes
        if let prefix = Self.prefixes.first(where: { text.starts(with: $0) }) {
            return obey(text.dropFirst(prefix.count), isCut: line.isCut)
        }
        if !isOutput, text.first == UInt8(ascii: "{") { return obey(text, isCut: line.isCut) }
        guard isOutput, !line.isCut else { return }
        if let pattern {
            if let found = pattern.match(in: text) { patternText = found }
        } else if let first = text.first(where: { $0 != 32 && $0 != 9 }), text.count <= Self.maximumNumberBytes,
            // Digits, signs, a point, or the first of nan and inf.
            (43...57).contains(first) || [73, 78, 105, 110].contains(first), let numbers = Self.numbers(text)
        {
            if objectives > 1 || numbers.count == 1 { logged = numbers }
        }
    }

    /// A line of nothing but numbers, with spaces or commas between.
    private static func numbers(_ line: ArraySlice<UInt8>) -> [Double]? {
        var numbers: [Double] = []
        for word in line.split(whereSeparator: { [32, 9, 44, 13].contains($0) }) {
            guard let number = Double(String(decoding: word, as: UTF8.self)) else { return nil }
            numbers.append(number)
        }
        return numbers.isEmpty ? nil : numbers
    }

    private mutating func obey(_ text: ArraySlice<UInt8>, isCut: Bool) {
        guard fault == nil else { return }
        do throws(ObjectiveJSON.Fault) {
            guard !isCut else {
                throw ObjectiveJSON.Fault(reason: "it is longer than \(Self.maximumLineBytes >> 10) KiB")
            }
            try obey(try ObjectiveJSON(text))
        } catch {
            let shown = String(decoding: text.prefix(200), as: UTF8.self)
            fault = ObjectiveError(
                "it printed `::apex \(shown)\(text.count > 200 ? "…" : "")`, which is no message: \(error.reason).",
                mayRetry: true)
        }
    }

    private mutating func obey(_ message: ObjectiveJSON) throws(ObjectiveJSON.Fault) {
        guard case .object = message else { throw ObjectiveJSON.Fault(reason: "it is no JSON object") }
        if let report = message["report"] {
            guard let step = report["step"]?.double, let value = report["value"]?.double,
                let step = Int64(exactly: step)
            else { throw ObjectiveJSON.Fault(reason: "a report is {\"step\": a whole number, \"value\": a number}") }
            reports.append(Study.Report(step: step, value: value))
        }
        if let result = message["result"] { results.append(try Self.values(result)) }
        if let constraint = message["constraint"] {
            guard case .string(let name)? = constraint["name"], let value = constraint["value"]?.double else {
                throw ObjectiveJSON.Fault(reason: "a constraint is {\"name\": a text, \"value\": a number}")
            }
            try note(name.utf8.count + 8)
            constraints.removeAll { $0.name == name }
            constraints.append(Study.NamedNumber(name, value))
        }
        if let attribute = message["attr"] {
            guard case .string(let name)? = attribute["key"], let value = attribute["value"] else {
                throw ObjectiveJSON.Fault(reason: "an attr is {\"key\": a text, \"value\": anything}")
            }
            let text = value.text
            try note(name.utf8.count + text.utf8.count)
            attributes.removeAll { $0.name == name }
            attributes.append(Study.NamedText(name, text))
        }
        switch message["prune"] {
        case nil, .null, .bool(false): break
        default: isPruned = true
        }
        switch message["fail"] {
        case nil, .null, .bool(false): break
        case .string(let reason): failure = ObjectiveError("it says: \(reason)", mayRetry: true)
        case let words?:
            var mayRetry = true
            if case .bool(false)? = words["retry"] { mayRetry = false }
            guard case .string(let reason)? = words["reason"] else {
                failure = ObjectiveError("it says that it failed, and gives no reason.", mayRetry: mayRetry)
                break
            }
            failure = ObjectiveError("it says: \(reason)", mayRetry: mayRetry)
        }
    }

    private mutating func note(_ bytes: Int) throws(ObjectiveJSON.Fault) {
        noteBytes += bytes
        guard constraints.count + attributes.count < Self.maximumNotes, noteBytes <= Self.maximumNoteBytes else {
            throw ObjectiveJSON.Fault(
                reason: "a trial has at most \(Self.maximumNotes) constraints and attributes, "
                    + "\(Self.maximumNoteBytes >> 20) MiB in all")
        }
    }

    private static func values(_ result: ObjectiveJSON) throws(ObjectiveJSON.Fault) -> [Double] {
        if let value = result.double ?? result["value"]?.double { return [value] }
        let list: ObjectiveJSON? = if case .array = result { result } else { result["values"] }
        if case .array(let elements)? = list {
            let numbers = elements.compactMap(\.double)
            if numbers.count == elements.count { return numbers }
        }
        throw ObjectiveJSON.Fault(reason: "a result is {\"value\": a number} or {\"values\": a list of numbers}")
    }
}

/// A stream as lines of bounded length.
struct Lines {
    struct Line {
        /// Without its end; what a carriage return on a terminal would have overwritten is left out.
        var bytes: ArraySlice<UInt8>
        /// It was longer than we keep.
        var isCut: Bool
    }
    private var part: [UInt8] = []
    private var isCut = false

    /// - Parameter all: lines that plainly are log too; there may be millions of them.
    mutating func take(_ bytes: Span<UInt8>, all: Bool, _ body: (Line) -> Void) {
        var at = 0
        while at < bytes.count {
            let rest = bytes.extracting(droppingFirst: at)
            let end = Self.position(of: 10, in: rest)
            if let end, !all, part.isEmpty, Self.isLog(rest.extracting(first: end)) {
                at += end + 1
                continue
            }
            let piece = rest.extracting(first: end ?? rest.count)
            let room = ObjectiveOutput.maximumLineBytes - part.count
            if piece.count > room { isCut = true }
            unsafe piece.extracting(first: min(room, piece.count)).withUnsafeBufferPointer {
                unsafe part.append(contentsOf: $0)
            }
            guard let end else { return }
            at += end + 1
            if !part.isEmpty { body(Line(bytes: Self.visible(part[...]), isCut: isCut)) }
            part.removeAll(keepingCapacity: true)
            isCut = false
        }
    }

    /// Neither the protocol nor a number begins like that.
    private static func isLog(_ line: Span<UInt8>) -> Bool {
        guard line.count > 0 else { return true }
        switch line[0] {
        // A colon, a brace, space before a number, signs and digits, the first of nan and inf.
        case 58, 123, 9, 32, 43...57, 73, 78, 105, 110: return false
        default: return position(of: 13, in: line) == nil
        }
    }

    private static func position(of byte: UInt8, in bytes: Span<UInt8>) -> Int? {
        unsafe bytes.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress, let found = unsafe memchr(base, Int32(byte), all.count) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    private static func visible(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while line.last == 13 { line.removeLast() }
        guard let last = line.lastIndex(of: 13) else { return line }
        return line[(last + 1)...]
    }
}
