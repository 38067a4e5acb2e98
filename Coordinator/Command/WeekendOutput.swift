import Foundation
import Jobs
import Market
import Messages

struct WeekendOutput {
    let folder: RunFolder
    let manifest: RunFolder.Manifest
    let status: JobStatus
    let ledger: [LedgerEntry]
    let answer: Weekend.Answer
    let universe: Universe
    let pool: (BlobID) throws -> [UInt8]
    func write() throws {}
    func announce(json: Bool) {
        print("proved \(answer.groups.proved)", answer.groups.top.map(\.count), answer.groups.top.first?.first as Any)
    }
}
