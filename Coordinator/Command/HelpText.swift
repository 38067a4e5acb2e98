import Glibc

/// Help as it was written, but for lines wider than the terminal: those are filled anew, with what belongs to them.
enum HelpText {
    /// Nobody likes to read longer lines.
    static let widest = 100
    /// What standard output has room for.
    static var width: Int { isatty(1) == 1 ? terminalSize(of: 1).columns : widest }

    /// A line, or several that are one paragraph: an option and its words, or running text.
    private struct Block {
        /// What stands before the words on the first line, spaces on those after it.
        var head: String
        var words: String
        var lines: [String]
    }

    static func fitted(_ text: String, width: Int) -> String {
        let width = max(40, min(width, widest))
        var result: [String] = []
        for block in blocks(text) {
            if block.lines.allSatisfy({ $0.count <= width }) {
                result += block.lines
            } else {
                result += filled(block, width)
            }
        }
        return result.joined(separator: "\n")
    }

    private static func blocks(_ text: String) -> [Block] {
        var blocks: [Block] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let (head, words) = parts(of: line)
            if !words.isEmpty, let last = blocks.last, continues(last, head) {
                blocks[blocks.count - 1].words += " " + words
                blocks[blocks.count - 1].lines.append(line)
            } else {
                blocks.append(Block(head: head, words: words, lines: [line]))
            }
        }
        return blocks
    }

    private static func continues(_ block: Block, _ head: String) -> Bool {
        // What `usage:` and `example:` show is to be typed as it stands.
        guard !block.words.isEmpty, head.allSatisfy({ $0 == " " }), head.count == block.head.count else { return false }
        return !["usage:", "example:", "apex ", "$ "].contains { block.words.hasPrefix($0) }
    }

    /// An option or a name, with the gap after it, and its words; of other lines the indentation and the rest.
    private static func parts(of line: String) -> (head: String, words: String) {
        let letters = Array(line)
        let start = letters.firstIndex { $0 != " " } ?? letters.count
        var at = start
        while at + 1 < letters.count {
            if letters[at] == " ", letters[at + 1] == " " {
                let words = letters[at...].firstIndex { $0 != " " } ?? letters.count
                return (String(letters[..<words]), String(letters[words...]))
            }
            at += 1
        }
        return (String(letters[..<start]), String(letters[start...]))
    }

    private static func filled(_ block: Block, _ width: Int) -> [String] {
        // Where the head leaves no room for words they begin under it.
        let indent = block.head.count > width - 24 ? (block.head.prefix { $0 == " " }.count + 4) : block.head.count
        var lines: [String] = []
        var line = block.head
        var isEmpty = true
        for word in block.words.split(separator: " ", omittingEmptySubsequences: true) {
            var rest = String(word)
            if line.count + (isEmpty ? 0 : 1) + rest.count <= width {
                line += (isEmpty ? "" : " ") + rest
            } else {
                let margin = String(repeating: " ", count: indent)
                if !isEmpty || indent < line.count {
                    lines.append(line)
                    line = margin
                }
                // Longer than a line: cut after a comma, where it has one.
                while indent + rest.count > width, let cut = rest.prefix(width - indent).lastIndex(of: ",") {
                    lines.append(line + rest[...cut])
                    line = margin
                    rest = String(rest[rest.index(after: cut)...])
                }
                line += rest
            }
            isEmpty = false
        }
        return lines + [line]
    }
}
