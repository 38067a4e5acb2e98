import Foundation
import JSON
import Retention
import Testing

/// A folder of the test's own, removed with it. A day is a day before `now`.
private final class Folder {
    let root: String
    let now = Date(timeIntervalSince1970: 1_700_000_000)
    init() throws {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("prune-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    func add(_ path: String, days: Double, _ text: String = "x") throws {
        let full = root + "/" + path
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: full).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: full))
        try FileManager.default.setAttributes(
            [.modificationDate: now.addingTimeInterval(-days * 86_400)], ofItemAtPath: full)
    }
    func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }
    func text(_ path: String) -> String {
        FileManager.default.contents(atPath: root + "/" + path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    /// A render job of two shards with pictures, and the training set of its first shard.
    func addJobs(pictures: Double, shards: Double, dataset: Double) throws {
        let shard = { (n: Int) in #"{"path":"by_date/d\#(n)/s.h5","png_folder":"by_date/d\#(n)/s.png","events":1}"# }
        try add("charts/manifest.json", days: shards, #"{"kind":"render","shards":[\#(shard(1)),\#(shard(2))]}"#)
        for n in 1...2 {
            try add("charts/by_date/d\(n)/s.h5", days: shards)
            for picture in ["a", "b"] { try add("charts/by_date/d\(n)/s.png/\(picture).png", days: pictures) }
        }
        try add(
            "set/manifest.json", days: dataset,
            #"{"kind":"dataset","shards":[{"path":"train/s.h5"}],"inputs":[{"path":"\#(root)/charts/by_date/d1/s.h5"}]}"#
        )
        try add("set/train/s.h5", days: dataset)
    }
    func plan(_ policy: RetentionPolicy = RetentionPolicy()) throws -> Retention {
        try Retention(roots: [root], policy: policy, now: now)
    }
    func paths(_ items: [Retention.Item]) -> [String] { items.map { String($0.path.dropFirst(root.count + 1)) } }
}

@Test func `looking removes nothing, and each kind goes when it is as old as it is kept`() throws {
    let folder = try Folder()
    try folder.addJobs(pictures: 31, shards: 31, dataset: 31)
    let plan = try folder.plan()
    #expect(folder.paths(plan.items) == ["charts/by_date/d1/s.png", "charts/by_date/d2/s.png"])
    #expect(plan.items.map(\.files) == [2, 2] && plan.items.map(\.kind) == [.png, .png])
    #expect(folder.has("charts/by_date/d1/s.png/a.png"))
    #expect(try folder.plan(RetentionPolicy(pngDays: 32)).items.isEmpty)
    #expect(try folder.plan(RetentionPolicy(pngDays: 31)).items.count == 2)
}

@Test func `a manifest no longer names what is removed, and goes when it names nothing`() throws {
    let folder = try Folder()
    try folder.addJobs(pictures: 40, shards: 40, dataset: 40)
    try folder.plan().apply()
    #expect(!folder.has("charts/by_date/d1/s.png") && !folder.has("charts/by_date/d2/s.png"))
    #expect(folder.has("charts/by_date/d1/s.h5"))
    #expect(folder.text("charts/manifest.json").contains("s.h5"))
    #expect(!folder.text("charts/manifest.json").contains("png"))
    #expect(JSONValue(folder.text("charts/manifest.json"))?["shards"]?.array?.count == 2)
    // Again changes nothing.
    #expect(try folder.plan().items.isEmpty)

    let old = try Folder()
    try old.addJobs(pictures: 400, shards: 400, dataset: 400)
    try old.plan().apply()
    for path in ["charts/manifest.json", "set/manifest.json", "charts/by_date/d1/s.h5", "set/train/s.h5"] {
        #expect(!old.has(path), "\(path)")
    }
}

@Test func `what a training set's manifest names stays as long as that does`() throws {
    let folder = try Folder()
    try folder.addJobs(pictures: 200, shards: 200, dataset: 200)
    let plan = try folder.plan()
    #expect(folder.paths(plan.protected) == ["charts/by_date/d1/s.h5"])
    try plan.apply()
    #expect(folder.has("charts/by_date/d1/s.h5") && !folder.has("charts/by_date/d2/s.h5"))
    #expect(folder.text("charts/manifest.json").contains("d1/s.h5"))
    #expect(!folder.text("charts/manifest.json").contains("d2/s.h5"))
    // With the training set goes its claim.
    #expect(folder.paths(try folder.plan(RetentionPolicy(datasetDays: 200)).items).count == 2)
}

@Test func `links, strange files and folders whose manifest cannot be read are left alone`() throws {
    let folder = try Folder()
    let outside = try Folder()
    try outside.add("far.h5", days: 4000)
    try folder.add("notes.txt", days: 4000)
    try folder.add("broken/manifest.json", days: 4000, "{")
    try folder.add("broken/old.h5", days: 4000)
    try folder.add("hostile/manifest.json", days: 4000, #"{"kind":"render","shards":[{"path":"../../far.h5"}]}"#)
    try folder.add("hostile/old.png", days: 4000)
    try folder.add("stray.h5", days: 366)
    try folder.add("young.h5", days: 364)
    try folder.add("future.png", days: -5)
    try folder.add("job/.tmp/1-2/shard.h5", days: 3)
    try FileManager.default.createSymbolicLink(
        atPath: folder.root + "/link.h5", withDestinationPath: outside.root + "/far.h5")
    try FileManager.default.createSymbolicLink(atPath: folder.root + "/linked", withDestinationPath: outside.root)
    let plan = try folder.plan()
    #expect(folder.paths(plan.items) == ["job/.tmp/1-2/shard.h5", "stray.h5"])
    #expect(plan.warnings.count == 2)
    try plan.apply()
    #expect(outside.has("far.h5") && folder.has("notes.txt") && folder.has("broken/old.h5") && folder.has("link.h5"))
    #expect(!folder.has("stray.h5"))
    #expect(throws: RetentionError.self) {
        try Retention(roots: [folder.root + "/none"], policy: RetentionPolicy(), now: folder.now)
    }
}
