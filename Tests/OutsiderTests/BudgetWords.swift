import Foundation
import TestSupport
import Testing

/// A budget that ends before the search began proves nothing, so nothing may be claimed; and a resumed run ends the
/// same as one never disturbed.
@Test func `a weekend without time claims nothing, and ends the same when it gets some`() throws {
    let folder = TemporaryFolder("outsider-budget")
    let settings = ["--demo", "--seed", "3", "--universe", "64", "--cycles", "6", "--workers", "2"]
    let short = folder.path + "/short"
    let calm = folder.path + "/calm"
    let ended = try Programs.run("apex", ["weekend", "--out", short, "--budget", "1ms"] + settings)
    #expect(ended.code == 4, "\(ended.errors)")
    #expect(ended.output.contains("The budget ended before the proof"))
    for wrong in ["passes the rules", "inf", "nan"] { #expect(!ended.output.contains(wrong), "\(ended.output)") }
    let unproved = try RunFile(short + "/run.sqlite")
    #expect(unproved.info["proved"] == "false" && unproved.info["nodes_visited"] == "0")
    #expect(unproved.candidates.isEmpty)
    let page = try String(contentsOfFile: short + "/report.html", encoding: .utf8)
    #expect(!page.contains("keeps all the rules."))

    let resumed = try Programs.run("apex", ["resume", short, "--budget", "10m"])
    #expect(resumed.code == 0, "\(resumed.errors)")
    let undisturbed = try Programs.run("apex", ["weekend", "--out", calm] + settings)
    #expect(undisturbed.code == 0, "\(undisturbed.errors)")
    let (a, b) = (try RunFile(short + "/run.sqlite"), try RunFile(calm + "/run.sqlite"))
    #expect(a.info["proved"] == "true")
    #expect(a.candidates.map(\.members) == b.candidates.map(\.members))
    #expect(a.candidates.map(\.numbers) == b.candidates.map(\.numbers))
    #expect(a.finals.map(\.members) == b.finals.map(\.members))
}
