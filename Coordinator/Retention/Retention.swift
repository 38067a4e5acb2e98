import Foundation
import Shards

/// Finds what is older than its kind is kept, and removes it.
///
/// A file goes when it is old enough and no manifest names it: the manifest that it is a product of is first written anew
/// without it (or removed, when nothing is left of it), and a file that another manifest counts among its inputs stays as
/// long as that manifest. Links are neither followed nor removed, and what is neither a shard, a picture, a manifest nor a
/// temporary file is left alone.
package struct Retention {
    package struct Item: Equatable, Sendable {
        package var kind: ProductKind
        /// Absolute; a file, or a folder of pictures.
        package var path: String
        package var bytes: Int64
        package var files: Int
        package var ageDays: Int
    }
    package private(set) var items: [Item] = []
    /// Old enough, and kept because another manifest names them.
    package private(set) var protected: [Item] = []
    package private(set) var warnings: [String] = []
    /// Files and folders looked at.
    package private(set) var seen = 0
    /// By manifest: the products that go, as it names them.
    private var leaving: [(manifest: String, job: JobManifest, products: Set<String>)] = []
    private let policy: RetentionPolicy
    private let now: Date

    /// Looks, and removes nothing.
    /// - Parameters: roots: folders. progress: called now and then with how many files were seen.
    package init(
        roots: [String], policy: RetentionPolicy, now: Date, progress: (Int) -> Void = { _ in }
    ) throws(RetentionError) {
        self.policy = policy
        self.now = now
        var manifests: [(path: String, job: JobManifest)] = []
        var files: [Found] = []
        var untouched: [String] = []
        for root in roots {
            var found: [Found] = []
            try Self.walk(root, &found, &seen, progress)
            files += found
        }
        for file in files where file.path.hasSuffix("/manifest.json") {
            do throws(RetentionError) { manifests.append((file.path, try JobManifest(path: file.path))) } catch {
                warnings.append(error.description)
                untouched.append(Self.folder(file.path))
            }
        }
        files.removeAll { file in untouched.contains { file.path.hasPrefix($0 + "/") } }
        choose(files, manifests)
    }

    private struct Found {
        var path: String
        var bytes: Int64
        var changed: Date
    }

    private static func folder(_ path: String) -> String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

    /// Every plain file below a folder, in the order of the names.
    private static func walk(_ folder: String, _ found: inout [Found], _ seen: inout Int, _ progress: (Int) -> Void)
        throws(RetentionError)
    {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
            throw RetentionError("\(folder): cannot be listed; give a folder that this user may read.")
        }
        for name in names {
            let path = folder + "/" + name
            // Of the name itself, not of what a link leads to.
            guard let facts = try? FileManager.default.attributesOfItem(atPath: path) else { continue }
            seen += 1
            if seen % 10_000 == 0 { progress(seen) }
            switch facts[.type] as? FileAttributeType {
            case .typeDirectory?: try walk(path, &found, &seen, progress)
            case .typeRegular?:
                found.append(
                    Found(
                        path: path, bytes: (facts[.size] as? NSNumber)?.int64Value ?? 0,
                        changed: facts[.modificationDate] as? Date ?? .distantFuture))
            default: break
            }
        }
    }

    private func age(_ changed: Date) -> Int { Int((now.timeIntervalSince(changed) / 86_400).rounded(.down)) }

    private mutating func choose(_ files: [Found], _ manifests: [(path: String, job: JobManifest)]) {
        // What is in a folder of pictures counts as that folder.
        var products: [String: (manifest: Int, product: JobManifest.Product)] = [:]
        for (at, manifest) in manifests.enumerated() {
            for product in manifest.job.products { products[manifest.job.folder + "/" + product.path] = (at, product) }
        }
        var named: [String: Item] = [:]
        var stray: [Item] = []
        for file in files {
            var place = file.path
            while products[place] == nil, place.count > 1, place.contains("/") { place = Self.folder(place) }
            if let product = products[place]?.product {
                var item = named[place] ?? Item(kind: product.kind, path: place, bytes: 0, files: 0, ageDays: .max)
                item.bytes += file.bytes
                item.files += 1
                // As young as its youngest file.
                item.ageDays = min(item.ageDays, age(file.changed))
                named[place] = item
            } else if let kind = Self.kind(of: file.path) {
                stray.append(Item(kind: kind, path: file.path, bytes: file.bytes, files: 1, ageDays: age(file.changed)))
            }
        }
        // A manifest whose products all go takes its claims on others with it; that may set free what others were made
        // of, so it is asked again until nothing changes.
        var isGone = manifests.map { _ in false }
        while true {
            let claimed = Set(manifests.indices.filter { !isGone[$0] }.flatMap { manifests[$0].job.inputs })
            var next = isGone
            for (at, manifest) in manifests.enumerated() where !isGone[at] {
                next[at] =
                    !manifest.job.products.isEmpty
                    && manifest.job.products.allSatisfy { product in
                        let path = manifest.job.folder + "/" + product.path
                        guard let item = named[path] else { return true }  // gone already
                        return isOld(item) && !isClaimed(path, claimed)
                    }
            }
            if next == isGone { break }
            isGone = next
        }
        let claimed = Set(manifests.indices.filter { !isGone[$0] }.flatMap { manifests[$0].job.inputs })
        for (at, manifest) in manifests.enumerated() {
            var gone: Set<String> = []
            for product in manifest.job.products {
                let path = manifest.job.folder + "/" + product.path
                guard let item = named[path], isOld(item) else { continue }
                if isClaimed(path, claimed) {
                    protected.append(item)
                } else {
                    gone.insert(product.path)
                    items.append(item)
                }
            }
            if isGone[at] { gone.formUnion(manifest.job.products.map(\.path)) }
            if !gone.isEmpty { leaving.append((manifest.path, manifest.job, gone)) }
        }
        for item in stray where isOld(item) {
            if isClaimed(item.path, claimed) { protected.append(item) } else { items.append(item) }
        }
        items.sort { $0.path < $1.path }
    }

    private func isOld(_ item: Item) -> Bool { item.ageDays >= policy.days(item.kind) }
    /// Named itself, or something in it.
    private func isClaimed(_ path: String, _ claimed: Set<String>) -> Bool {
        claimed.contains(path) || claimed.contains { $0.hasPrefix(path + "/") }
    }

    /// Of a file that no manifest counts among its products; nil: not ours.
    private static func kind(of path: String) -> ProductKind? {
        if path.split(separator: "/").dropLast().contains(".tmp") { return .temporary }
        if path.hasSuffix(".h5") { return .datasets }
        return path.hasSuffix(".png") ? .png : nil
    }

    /// Removes the items. What a manifest named is taken out of it first, so that at no moment, whenever this is
    /// interrupted, a manifest names what is not there.
    /// - Parameter progress: called after each item.
    package func apply(progress: (Int) -> Void = { _ in }) throws {
        for (path, job, products) in leaving {
            if let bytes = job.without(products) {
                try DurableFiles.write(bytes, to: path)
            } else {
                try FileManager.default.removeItem(atPath: path)
                try DurableFiles.sync(Self.folder(path))
            }
        }
        for (at, item) in items.enumerated() {
            try FileManager.default.removeItem(atPath: item.path)
            progress(at + 1)
        }
    }
}
