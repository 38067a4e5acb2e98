import Foundation
import TestSupport
import Testing

/// Coordinator and workers on machines of their own, and bad cables between them.
@Suite(.serialized)
struct FaultLinks {
    private struct Site {
        let network: FaultNetwork
        let cluster: FaultCluster

        /// A coordinator and two workers of two slots, joined over TCP with keys.
        init(seed: UInt64 = 1) throws {
            network = try FaultNetwork(["hub", "w1", "w2"], seed: seed)
            cluster = try FaultCluster(network: network, listen: "tcp://\(network.address("hub")):7700")
            for node in ["w1", "w2"] { try cluster.startWorker(node, node: node) }
        }
    }
    private static let cuts: [(String, FaultNetwork.Cable)] = [
        ("both ways", FaultNetwork.Cable(isOutCut: true, isInCut: true)),
        ("from the worker", FaultNetwork.Cable(isOutCut: true)),
        ("to the worker", FaultNetwork.Cable(isInCut: true)),
    ]

    /// To the worker only: its heartbeats arrive until it hears nothing back and connects anew, which fails; so it takes
    /// longer to be known as lost, and nothing is lost by it.
    @Test(arguments: [0, 1, 2])
    func `tasks behind a cut cable run elsewhere, and the worker returns when it is mended`(cut: Int) throws {
        if let obstacle = FaultNetwork.obstacle { return skipped(because: obstacle) }
        if cut > 0, !allFaults { return skipped("a cable cut \(Self.cuts[cut].0)", because: "make faults runs it") }
        let site = try Site()
        let cluster = site.cluster
        try cluster.submit(2, FaultProcesses.longOnce(cluster.folder.path))
        #expect(Programs.eventually { cluster.startedIndices == [0, 1] })
        let victim = try #require(cluster.started.first).worker
        let held = cluster.started.filter { $0.worker == victim }.map(\.index)
        let at = try #require(cluster.workers.firstIndex { $0.process.processIdentifier == victim })
        let node = "w\(at + 1)"
        site.network.set(node, Self.cuts[cut].1)
        let lost = uptimeSeconds()
        #expect(Programs.eventually(within: 20) { cluster.repeatedIndices == held.sorted() })
        for again in cluster.started.dropFirst(2) {
            print("fault=cut direction=\(Self.cuts[cut].0) recovered_seconds=\(fixed(again.at - lost))")
            #expect(again.worker != victim && again.at - lost <= (cut == 2 ? 12 : FaultProcesses.recovery))
        }
        cluster.expectDone(2, within: 20)
        let joined = cluster.events("worker_joined")
        site.network.set(node, FaultNetwork.Cable())
        let mended = uptimeSeconds()
        #expect(Programs.eventually(within: 20) { cluster.events("worker_joined") > joined }, "it did not return")
        print("fault=cut direction=\(Self.cuts[cut].0) returned_seconds=\(fixed(uptimeSeconds() - mended))")
        #expect(cluster.accepted.sorted() == [0, 1])
    }

    @Test func `a cable cut for less than the silence limit restarts nothing`() throws {
        if let obstacle = FaultNetwork.obstacle { return skipped(because: obstacle) }
        let site = try Site()
        try site.cluster.submit(60, "sleep 0.2")
        #expect(Programs.eventually { site.cluster.accepted.count >= 8 })
        site.network.set("w1", FaultNetwork.Cable(isOutCut: true, isInCut: true))
        usleep(1_500_000)  // the fault itself
        site.network.set("w1", FaultNetwork.Cable())
        site.cluster.expectDone(60, within: 40)
        #expect(site.cluster.repeatedIndices.isEmpty)
        #expect(site.cluster.events("worker_lost") == 0)
    }

    @Test(arguments: seeds(1))
    func `with 200 ms delay and 5 % loss every task is accepted once and none is started twice`(seed: UInt64) throws {
        if let obstacle = FaultNetwork.obstacle { return skipped(because: obstacle) }
        let site = try Site(seed: seed)
        for node in ["w1", "w2"] { site.network.set(node, FaultNetwork.Cable(delayMilliseconds: 200, lossPercent: 5)) }
        let count = allFaults ? 400 : 80
        let begin = uptimeSeconds()
        try site.cluster.submit(count, "sleep 0.2")
        site.cluster.expectDone(count, within: 120)
        let lost = site.cluster.events("worker_lost")
        print("fault=delay_and_loss seed=\(seed) tasks=\(count) seconds=\(fixed(uptimeSeconds() - begin)) lost=\(lost)")
        #expect(lost == 0, "heartbeats of 1 s get through 5 % loss well within 4 s")
        #expect(site.cluster.repeatedIndices.isEmpty, "seed \(seed): \(site.cluster.repeatedIndices)")
    }

    @Test func `links that come and go by turns lose no task`() throws {
        if let obstacle = FaultNetwork.obstacle { return skipped(because: obstacle) }
        guard allFaults else { return skipped(because: "it takes a minute; make faults runs it") }
        let site = try Site()
        try site.cluster.submit(200, "sleep 0.2")
        var chance = SplitMix(seed: 1)
        // One after another, in every order: what a healed link hides, the next shows.
        for round in 0..<8 {
            for node in ["w1", "w2"].shuffled(using: &chance) {
                site.network.set(node, Self.cuts[round % 3].1)
                usleep(UInt32.random(in: 500_000...5_500_000, using: &chance))
                site.network.set(node, FaultNetwork.Cable())
            }
        }
        site.cluster.expectDone(200, within: 60)
    }
}
