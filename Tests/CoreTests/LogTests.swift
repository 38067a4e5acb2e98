import CoordinatorCore
import Foundation
import TestSupport
import Testing

@testable import CoordinatorShell

@Test func `the log goes on in a new file at 64 MiB, and the one before is kept`() throws {
    let folder = TemporaryFolder("log")
    let path = folder.path + "/log.jsonl"
    // As long as it may be but for a few lines; holes take no room.
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.truncate(atOffset: 64 << 20 - 1000)
    try file.close()
    let log = try EventLog(path, from: .info, echo: false)
    for number in 0..<100 { log.write(LogLine(.info, "line", [("number", "\(number)")])) }
    let rest = try String(contentsOfFile: path, encoding: .utf8)
    #expect(rest.utf8.count < 8000 && rest.hasSuffix("\"number\":\"99\"}\n"))
    let before = try #require(FileHandle(forReadingAtPath: path + ".1"))
    let length = try before.seekToEnd()
    #expect(length <= 64 << 20 && length > 64 << 20 - 1000)
    try before.seek(toOffset: 64 << 20 - 1000)
    let old = String(decoding: try #require(try before.readToEnd()), as: UTF8.self)
    // No line is lost, and none is cut.
    let lines = (old + rest).split(separator: "\n")
    #expect(lines.count == 100)
    for (number, line) in lines.enumerated() { #expect(line.hasSuffix("\"number\":\"\(number)\"}")) }
}
