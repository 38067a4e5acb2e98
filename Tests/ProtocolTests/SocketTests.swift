import Foundation
import Testing
import ZeroMQ

@Test func `a router answers the dealer that asked`() throws {
    let folder = try Folder()
    let router = try Socket(.router)
    let dealer = try Socket(.dealer)
    try router.bind(folder.ipc)
    try dealer.connect(folder.ipc)
    try dealer.sendSoon([[1, 2, 3], [], [4]])
    let asked = try router.next()
    #expect(asked.frames == [[1, 2, 3], [], [4]])
    #expect(asked.peerKey == nil)
    #expect(try router.send([[5]], to: asked.peer!) == .sent)
    #expect(try dealer.next().frames == [[5]])
}
