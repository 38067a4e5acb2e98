import CYAML

/// A YAML document with the lines its parts are on. A small YAML: no anchors, aliases, tags or second document, so that
/// nothing in a file is larger or other than it looks.
indirect enum YAML {
    /// Written in quotes it is a text, whatever it looks like.
    case scalar(String, line: Int, isQuoted: Bool = false)
    case sequence([YAML], line: Int)
    case mapping([Pair], line: Int)

    struct Pair {
        var key: String
        var line: Int
        var value: YAML
    }

    static let maximumBytes = 64 << 10
    static let maximumDepth = 8

    var line: Int {
        switch self {
        case .scalar(_, let line, _), .sequence(_, let line), .mapping(_, let line): line
        }
    }

    /// - Returns: nil for a document without content.
    static func parse(_ bytes: [UInt8]) throws(YAMLError) -> YAML? {
        guard bytes.count <= maximumBytes else {
            throw YAMLError(1, "the file has \(bytes.count) bytes; \(maximumBytes) are the most")
        }
        try check(bytes)
        var parser = YAMLParser(bytes)
        return try parser.document()
    }

    /// What libyaml would explain badly, or not refuse.
    private static func check(_ bytes: [UInt8]) throws(YAMLError) {
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        {
            guard String(validating: line, as: UTF8.self) != nil else {
                throw YAMLError(number + 1, "the line is not UTF-8; save the file as UTF-8")
            }
            if line.prefix(while: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }).contains(UInt8(ascii: "\t"))
            {
                throw YAMLError(number + 1, "the line is indented with a tab; use spaces")
            }
        }
    }
}

struct YAMLError: Error {
    /// From 1.
    var line: Int
    var message: String
    init(_ line: Int, _ message: String) {
        self.line = line
        self.message = message
    }
}

/// libyaml's parser. Allocated, because it must not move while it is in use.
@safe private struct YAMLParser: ~Copyable {
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let input: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) {
        unsafe input = .allocate(capacity: bytes.count)
        _ = unsafe input.initialize(from: bytes)
        let made = unsafe yaml_parser_initialize(parser)
        precondition(made == 1, "no memory for a YAML parser")
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }
    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    private enum Event {
        case start(line: Int)
        case documentStart, documentEnd, end
        case scalar(String, line: Int, isQuoted: Bool)
        case sequenceStart(line: Int)
        case sequenceEnd
        case mappingStart(line: Int)
        case mappingEnd
    }

    mutating func document() throws(YAMLError) -> YAML? {
        _ = try next()  // the stream's start
        guard case .documentStart = try next() else { return nil }
        let root = try node(try next(), depth: 0)
        _ = try next()  // the document's end
        guard case .end = try next() else {
            throw YAMLError(
                root.line, "the file holds more than one document; keep one and remove the `---` between them")
        }
        return root.isEmpty ? nil : root
    }

    private mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> YAML {
        switch event {
        case .scalar(let text, let line, let isQuoted): return .scalar(text, line: line, isQuoted: isQuoted)
        case .sequenceStart(let line):
            try check(depth, line)
            var items: [YAML] = []
            while true {
                let event = try next()
                if case .sequenceEnd = event { return .sequence(items, line: line) }
                items.append(try node(event, depth: depth + 1))
            }
        case .mappingStart(let line):
            try check(depth, line)
            var pairs: [YAML.Pair] = []
            while true {
                let event = try next()
                if case .mappingEnd = event { return .mapping(pairs, line: line) }
                guard case .scalar(let key, let keyLine, _) = event else {
                    throw YAMLError(line, "a key is a list or a mapping; give a name")
                }
                if let twin = pairs.first(where: { $0.key == key }) {
                    throw YAMLError(keyLine, "\(key) was already given in line \(twin.line); keep one of the two")
                }
                pairs.append(YAML.Pair(key: key, line: keyLine, value: try node(try next(), depth: depth + 1)))
            }
        case .start, .documentStart, .documentEnd, .end, .sequenceEnd, .mappingEnd:
            throw YAMLError(1, "the file is no YAML")  // libyaml never sends these here
        }
    }

    private func check(_ depth: Int, _ line: Int) throws(YAMLError) {
        guard depth < YAML.maximumDepth else {
            throw YAMLError(line, "more than \(YAML.maximumDepth) levels of lists and mappings inside each other")
        }
    }

    /// The next event, in Swift's own terms: libyaml's is freed before this returns.
    private mutating func next() throws(YAMLError) -> Event {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { unsafe yaml_event_delete(&event) }
        let line = Int(unsafe event.start_mark.line) + 1
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return .start(line: line)
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_STREAM_END_EVENT: return .end
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            try check(anchored: unsafe scalar.anchor != nil, tagged: unsafe scalar.tag != nil, line)
            // `length` bytes of UTF-8 that libyaml owns until the event is deleted.
            let text = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return .scalar(
                unsafe String(decoding: text, as: UTF8.self), line: line,
                isQuoted: unsafe scalar.style != YAML_PLAIN_SCALAR_STYLE)
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            try check(anchored: unsafe start.anchor != nil, tagged: unsafe start.tag != nil, line)
            return .sequenceStart(line: line)
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            try check(anchored: unsafe start.anchor != nil, tagged: unsafe start.tag != nil, line)
            return .mappingStart(line: line)
        default:
            throw YAMLError(line, "an alias (`*name`); write the value out")
        }
    }

    private func check(anchored: Bool, tagged: Bool, _ line: Int) throws(YAMLError) {
        if anchored { throw YAMLError(line, "an anchor (`&name`); write the value out where it is wanted") }
        if tagged { throw YAMLError(line, "a tag (`!name`); give the plain value") }
    }

    private func problem() -> YAMLError {
        // libyaml's messages are static texts.
        let text = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "no memory"
        // The scanner and the parser say where; the reader has an offset only.
        let line = unsafe parser.pointee.problem_mark.line
        return YAMLError(Int(line) + 1, "this is no YAML: \(text)")
    }
}
