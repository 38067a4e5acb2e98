import Glibc
import Messages

extension Submission {
    /// Of a kind's name, of a person's name for the job, and of the spec, which travels with every claim.
    private static let maximumBytes = (kind: 64, name: 1024, spec: 8 << 20)
    private static let maximumPredecessors = 10_000
    /// New jobs are refused above half of this machine's memory: what is queued already must end.
    private static let memoryLimit = UInt64(sysconf(Int32(_SC_PHYS_PAGES))) * UInt64(sysconf(Int32(_SC_PAGESIZE))) / 2

    /// Why the coordinator does not take this job, whoever it is from; nil when it does.
    var refusal: String? {
        guard kind.utf8.count <= Self.maximumBytes.kind else { return "there is no job kind with so long a name." }
        guard name.utf8.count <= Self.maximumBytes.name else {
            return "a job's name of \(name.utf8.count) bytes; give at most \(Self.maximumBytes.name)."
        }
        guard spec.count <= Self.maximumBytes.spec else {
            return "a spec of \(spec.count) bytes; give at most \(Self.maximumBytes.spec), and inputs as blobs."
        }
        guard after.count <= Self.maximumPredecessors else {
            return "a job that comes after \(after.count) others; give at most \(Self.maximumPredecessors)."
        }
        let held = residentBytes()
        guard held <= Self.memoryLimit else {
            return "the coordinator holds \(held >> 20) MiB, half of this machine's memory; try again when jobs have "
                + "ended, or cancel some."
        }
        return nil
    }
}
