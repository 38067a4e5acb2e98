import Glibc

/// A POSIX extended regular expression that finds the value in a line.
@safe final class LinePattern {
    private var compiled = unsafe regex_t()

    /// - Throws: what is wrong with it.
    init(_ text: String) throws(ObjectiveError) {
        let failure = unsafe regcomp(&compiled, text, REG_EXTENDED)
        guard failure == 0 else {
            var words = [CChar](repeating: 0, count: 256)
            _ = unsafe regerror(failure, nil, &words, words.count)
            let reason = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw ObjectiveError("the pattern \(text) is no POSIX extended regular expression: \(reason).")
        }
    }
    deinit { unsafe regfree(&compiled) }

    /// The first group, or the whole match where there is none; nil where the line does not match.
    func match(in line: ArraySlice<UInt8>) -> String? {
        // REG_STARTEND: the line's length is told, not found by its end; it may hold zero bytes.
        var found = [regmatch_t(rm_so: 0, rm_eo: regoff_t(line.count)), regmatch_t(rm_so: -1, rm_eo: -1)]
        let failure = unsafe line.withUnsafeBytes { bytes in
            unsafe regexec(
                &compiled, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), 2, &found, REG_STARTEND)
        }
        guard failure == 0 else { return nil }
        let group = found[1].rm_so >= 0 ? found[1] : found[0]
        let range = line.startIndex + Int(group.rm_so)..<line.startIndex + Int(group.rm_eo)
        return String(decoding: line[range], as: UTF8.self)
    }
}
