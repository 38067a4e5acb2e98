/// Why a job or a task cannot go on, in words for the person who submitted it: where, what, and what to do.
package struct JobError: Error, Equatable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
    package init(_ error: WireError, while doing: String) { description = "\(doing): \(error.description)" }
}
