import CoordinatorCore
import Messages

/// The rules that hold after every event, by name; numbers are those of the list that the design is held against.
///
/// Checked as each record is stored (SimulatedStore.swift, in rules written a second time, apart from the core): 1, 2, 3,
/// 4, 5, 6, 7, 8, 11, 13. Checked on the core itself (InvariantChecks.swift): 1, 3, 4, 6, 12, 15, after each batch while
/// jobs are small and each 64th otherwise. 14, one seed is one history, is a test of its own, on one kind of machine.
///
/// Not checked here: 9, checkpoints, for there are none but the cursors of searches, and the made-up planner checks that
/// those cover every unit of work once (`wholeWork`). 10, best, bound and gap, which belong to the planners and their
/// tests. Of 12, the bytes that wait for a peer, which lie in sockets; the tables are checked. Of 13, keys: the shell
/// holds them against workers' names; that a worker touches only its own claims is checked here.
package enum Invariant: String, Sendable, CaseIterable {
    /// 1: every task is in exactly one state, and stands in a queue while it waits.
    case oneState
    /// 2 and 13: at most one live claim, epochs rise, one result, from a live claim and its owner. A task of a kind that
    /// may run twice has two claims at most, of two workers.
    case oneClaim, oneResult, ownClaim
    /// A second claim is of one task, that is no slice of a budget, and that may kill two workers more.
    case speculation
    /// A result that is not a claim's is one that the same code gave for the same task before, of a kind that allows it.
    case reuse
    /// 3: what was acknowledged is stored, and a core rebuilt from the store is the one that lives.
    case nothingLost, rebuilt, oneJobAToken
    /// 4: cores and memory are held once, and no more than there are.
    case resources
    /// 5: no start before what it comes after; and none while its job is paused.
    case order, paused
    /// 6: granted + spent + pool = total; a donation is counted once.
    case budget
    /// 7: nothing succeeds after an acknowledged cancel.
    case cancelled
    /// 8: a task is parked after as many deaths or failures as it may cause, and no neighbour is.
    case blame
    /// 11: no runnable task waits beside an idle worker that fits it, or behind one of a lower priority.
    case idleWorker, priority
    /// 12: the tables of the core shrink to what lives.
    case tables
    /// 15: what `why` says is so.
    case why
    /// A worker that leaves gets no work.
    case draining
    /// A search's pieces cover its work once.
    case wholeWork
    /// When the faults stop, all work ends in its time, as it should; and nothing goes round in circles.
    case liveness, ends, noStorm
}

package struct Violation: Sendable, Equatable, CustomStringConvertible {
    package var rule: Invariant
    package var words: String
    package var description: String { "\(rule): \(words)" }
}
