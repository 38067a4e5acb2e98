import CLinux
import Glibc
import Synchronization

/// Processes that left their program's group (`setsid`), and would go on after it.
///
/// Every program has a mark of its own in its environment, which what it starts inherits. Once `adopt` was called, those
/// whose parent has ended come to this process, and end with the program whose mark they bear. One that took the mark
/// away is ended when nothing else runs here that it could belong to.
enum Orphans {
    /// As programs see it, but for the mark.
    static let setting = "APEX_PROGRAM=\(String(UInt64.random(in: 1...UInt64.max), radix: 16))."
    /// Of one look, at most: there is another look.
    private static let looked = 256
    /// How long one program's end may wait for what it left.
    private static let patienceMilliseconds: Int64 = 2000

    private struct State {
        var last: UInt64 = 0
        /// Marks of programs that run.
        var running: [UInt64] = []
        var isAdopting = false
    }
    private static let state = Mutex(State())
    /// Held while orphans are reaped and killed: a number that was looked up stays theirs meanwhile.
    private static let looking = Mutex(())

    static func adopt() {
        guard apex_adopt_orphans() == 0 else { return }
        state.withLock { $0.isAdopting = true }
    }

    /// - Returns: the mark of a program that starts now.
    static func begin() -> UInt64 {
        state.withLock { state in
            state.last += 1
            state.running.append(state.last)
            return state.last
        }
    }

    /// The program is over: ends what bears its mark, and what bears that of a program before it.
    static func end(_ mark: UInt64) {
        let deadline = ChildProcess.milliseconds() + patienceMilliseconds
        // What was killed is a zombie a moment later, and nothing rings for what is no child of this program's thread.
        while endOnce(mark), ChildProcess.milliseconds() < deadline { usleep(500) }
        state.withLock { state in state.running.removeAll { $0 == mark } }
    }

    /// - Returns: whether there was one that is to end: it may have started others.
    private static func endOnce(_ mark: UInt64) -> Bool {
        let (isAdopting, running) = state.withLock { ($0.isAdopting, $0.running) }
        guard isAdopting else { return false }
        let others = running.filter { $0 != mark }
        return looking.withLock { _ in
            var isFound = false
            for process in orphans() where apex_reap_if_over(process) == 0 {
                guard owner(of: process).map({ !others.contains($0) }) ?? others.isEmpty else { continue }
                kill(process, SIGKILL)
                isFound = true
            }
            return isFound
        }
    }

    /// Those that ended by themselves while their program runs on are zombies until somebody asks for them.
    static func reap() {
        guard state.withLock({ $0.isAdopting }) else { return }
        looking.withLock { _ in for process in orphans() { _ = apex_reap_if_over(process) } }
    }

    private static func orphans() -> ArraySlice<pid_t> {
        var orphans = [pid_t](repeating: 0, count: looked)
        let count = unsafe apex_orphans(&orphans, Int32(looked))
        return orphans.prefix(Int(max(0, count)))
    }

    private static func owner(of process: pid_t) -> UInt64? {
        var text = [CChar](repeating: 0, count: 32)
        guard unsafe apex_setting_of(process, setting, &text, Int32(text.count)) > 0 else { return nil }
        return UInt64(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}
