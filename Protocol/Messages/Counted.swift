/// 1 worker, 2 workers: a count with its noun, whose plural ends in s.
package func counted(_ count: some BinaryInteger, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}
