import Jobs
import Kernels
import Market
import Messages
import Runners
import TestSupport
import Testing

private struct OneBlob: BlobSource {
    let id: BlobID
    let content: [UInt8]
    func bytes(of blob: BlobID) throws(JobError) -> [UInt8] {
        guard blob == id else { throw JobError("no blob \(blob)") }
        return content
    }
}

private let blob = BlobID(hash: [UInt8](repeating: 7, count: 32))!

@Test func `the runner answers with the kernel's evaluations`() throws {
    let universe = randomUniverse(tickers: 50, seed: 3)
    var random = SplitMix(seed: 3)
    let context = RunContext(blobs: OneBlob(id: blob, content: universe.wireBytes))
    let kernel = VariationKernel(universe: universe)
    for cycle in 0..<3 {
        let variations = Algorithm.allCases.map { randomVariation($0, using: &random) }
        let task = Variations.Task(universe: blob, cycle: UInt32(cycle), variations: variations)
        let result = try VariationsRunner.run(task, index: UInt32(cycle), context: context)
        #expect(result.evaluations == kernel.evaluate(variations))
    }
}

@Test func `an infeasible variation and a broken universe are refused in words`() throws {
    let infeasible = Variation(.macd, [9, 0, 0, 0, 0, 0, 0, 0])
    #expect(!infeasible.isFeasible)
    let task = Variations.Task(universe: blob, cycle: 0, variations: [infeasible])
    let sound = RunContext(blobs: OneBlob(id: blob, content: randomUniverse(tickers: 2, seed: 1).wireBytes))
    let refused = #expect(throws: JobError.self) { try VariationsRunner.run(task, index: 0, context: sound) }
    #expect(refused?.description.contains("macd") == true)

    let broken = RunContext(blobs: OneBlob(id: blob, content: [1, 2, 3]))
    let unread = #expect(throws: JobError.self) { try VariationsRunner.run(task, index: 0, context: broken) }
    #expect(unread?.description.contains("reading universe") == true)
}
