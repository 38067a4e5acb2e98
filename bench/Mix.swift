import Foundation
import Jobs
import Messages
import Store

/// How well unlike workers and jobs share: a worker half as fast as the other, jobs of equal and of higher priority.
///
/// `bench mix [--quick]`. Tasks are real programs that sleep, on one worker twice as long as on the other. The share of
/// its slots that a cluster kept busy until the end is the ideal makespan over the real one: an ideal cluster keeps all
/// slots busy until the last task can no longer be divided.
package enum MixBench {
    package static func run(arguments: [String]) {
        do {
            let isQuick = arguments.contains("--quick")
            let sizes = isQuick ? [(10, 200)] : [(1, 2000), (10, 1000), (100, 150)]
            for (milliseconds, count) in sizes { try twoSpeeds(milliseconds, count) }
            try fairShare(isQuick ? 100 : 400)
            try priority(isQuick ? 200 : 600)
        } catch {
            print("mix: \(error)")
            exit(1)
        }
    }

    private static func sleeper(_ count: Int) -> Command.Spec {
        Command.Spec(
            program: "sh", arguments: ["-c", "exec sleep $BENCH_SECONDS"], count: UInt32(count), timeoutMilliseconds: 0)
    }
    private static func cluster(_ milliseconds: [Int]) throws -> LocalCluster {
        try LocalCluster(workers: milliseconds.map { ["BENCH_SECONDS": digits(Double($0) / 1000, 4)] })
    }

    private static func twoSpeeds(_ milliseconds: Int, _ count: Int) throws {
        let cluster = try cluster([milliseconds, 2 * milliseconds])
        defer { cluster.stop() }
        var shares: [Double] = []
        for job in 1...3 {
            let seconds = try cluster.seconds(of: Command.name, sleeper(count), count: count)
            shares.append(try busySeconds(cluster, job) / (seconds * 2))
        }
        print(
            "\(count) tasks of \(milliseconds) ms, \(2 * milliseconds) ms on one of two workers: ideal / real makespan "
                + digits(median(shares), 3))
    }

    /// What the tasks of a job kept their slots, together: the workers' own measure, stored with the results.
    private static func busySeconds(_ cluster: LocalCluster, _ job: Int) throws -> Double {
        let database = try Database(path: cluster.state + "/state.sqlite", mode: .readOnly)
        let rows = try database.prepare("SELECT sum(busy) FROM done WHERE job=\(job)")
        guard try rows.step() else { throw BenchFailure("job \(job) has no results") }
        return Double(rows.integer(0)) / 1e6
    }

    private static func fairShare(_ count: Int) throws {
        let cluster = try cluster([10, 10])
        defer { cluster.stop() }
        _ = try cluster.seconds(of: Command.name, sleeper(20), count: 20)
        let jobs = [
            try cluster.asker.submit(Command.name, sleeper(count)),
            try cluster.asker.submit(Command.name, sleeper(count)),
        ]
        var done: [UInt32] = []
        repeat {
            usleep(5000)
            done = try jobs.map { try cluster.asker.job($0).done }
        } while done.reduce(0, +) < UInt32(count)
        print("two jobs of equal priority, when half of their \(2 * count) tasks are done: \(done[0]) and \(done[1])")
        for job in jobs { _ = try cluster.asker.wait(for: job) }
    }

    private static func priority(_ count: Int) throws {
        let cluster = try cluster([10, 10])
        defer { cluster.stop() }
        _ = try cluster.seconds(of: Command.name, sleeper(20), count: 20)
        let long = try cluster.asker.submit(Command.name, sleeper(count))
        while try cluster.asker.job(long).done < UInt32(count / 10) { usleep(5000) }
        let before = try cluster.asker.job(long).done
        let began = ContinuousClock.now
        let urgent = try cluster.asker.submit(Command.name, sleeper(20), priority: 1)
        _ = try cluster.asker.wait(for: urgent)
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        let others = try cluster.asker.job(long).done - before
        print(
            "20 urgent tasks of 10 ms behind \(count - Int(before)) others: done after \(digits(seconds * 1000, 0)) ms, "
                + "\(others) others done meanwhile")
        _ = try cluster.asker.wait(for: long)
    }
}
