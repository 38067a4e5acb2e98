import Testing

@testable import WorkerShell

struct AllocationTests {
    @Test(
        arguments: [
            ("1-02:03:04", 93_784), ("02:03:04", 7384), ("3:04", 184), ("59", 59), (" 0:00", 0), ("UNLIMITED", nil),
            ("NOT_SET", nil), ("INVALID", nil), ("", nil), ("1-", nil), ("-1:00", nil), ("1:2:3:4", nil),
            ("99999999999999999999", nil),
        ] as [(String, Int64?)])
    func `time left is read as Slurm writes it`(text: String, seconds: Int64?) {
        #expect(Allocation.seconds(text) == seconds)
    }

    @Test func `no task is taken close to the end, nor one that would not be done by then`() {
        let hour = Allocation(endsAt: 3_600_000, lead: 60_000, now: 0)
        #expect(hour.reason(now: 3_500_000, longest: 0) == nil)
        #expect(hour.reason(now: 3_540_000, longest: 0) == "allocation_ends")
        #expect(hour.reason(now: 3_000_000, longest: 500_000) == nil)
        #expect(hour.reason(now: 3_000_000, longest: 600_000) == "tasks_do_not_fit_allocation")
        #expect(hour.secondsForTasks(now: 3_540_000) == 50, "ten seconds to say goodbye in")
        // A short one is not spent on waiting for its end.
        let short = Allocation(endsAt: 8000, lead: 60_000, now: 0)
        #expect(short.reason(now: 5999, longest: 0) == nil)
        #expect(short.reason(now: 6000, longest: 0) == "allocation_ends")
        #expect(short.secondsForTasks(now: 6000) == 1)
        #expect(Allocation(endsAt: nil, lead: 1, now: 0).reason(now: .max / 2, longest: 1) == nil)
    }
}
