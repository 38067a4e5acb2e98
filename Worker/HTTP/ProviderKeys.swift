import Glibc
import Messages
import Providers

/// The keys of this machine: from the environment, else from a file that only its owner can read. They are handed to
/// nothing but the HTTP client.
package struct ProviderKeys: Sendable {
    private let values: [String: Secret]
    private let hosts: [String: String]

    package init(values: [String: Secret], hosts: [String: String] = [:]) {
        self.values = values
        self.hosts = hosts
    }

    /// The file `$APEX_PROVIDER_KEYS`, else `~/.config/apex/provider-keys`, with lines `APEX_POLYGON_KEY=…`, and the
    /// environment's variables of those names, which come first. `APEX_POLYGON_URL` and so on name other hosts.
    /// - Throws: when the file is there and others can read it, or a line of it says nothing.
    package static func read() throws(JobError) -> ProviderKeys {
        func variable(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
        let named = variable("APEX_PROVIDER_KEYS")
        let path = named ?? (variable("HOME") ?? "") + "/.config/apex/provider-keys"
        var lines = try file(path, mustExist: named != nil)
        for provider in ProviderList.all {
            for name in provider.traits.keyNames + [urlName(provider)] {
                if let value = variable(name), !value.isEmpty { lines.append((name, value)) }
            }
        }
        var (values, hosts): ([String: Secret], [String: String]) = ([:], [:])
        for (name, value) in lines {
            if name.hasSuffix("_URL") {
                hosts[name] = value
            } else {
                guard let secret = Secret(value) else {
                    throw JobError("\(name) holds spaces or control characters; give the key alone.")
                }
                values[name] = secret
            }
        }
        return ProviderKeys(values: values, hosts: hosts)
    }
    private static func urlName(_ provider: any Provider) -> String { "APEX_\(provider.name.uppercased())_URL" }

    /// - Throws: when one of the provider's keys is missing.
    package func keys(of provider: any Provider) throws(JobError) -> [Secret] {
        var keys: [Secret] = []
        for name in provider.traits.keyNames {
            guard let key = values[name] else {
                throw JobError("\(name) is not set on this worker; set it, or put it into its file of keys.")
            }
            keys.append(key)
        }
        return keys
    }
    package func host(_ number: Int, of provider: any Provider) throws(HTTPFailure) -> ProviderHost {
        try ProviderHost(hosts[Self.urlName(provider)] ?? provider.traits.hosts[number])
    }

    private static func file(_ path: String, mustExist: Bool) throws(JobError) -> [(String, String)] {
        // `path` is copied to a C string that outlives the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if !mustExist, errno == ENOENT { return [] }
            throw JobError("\(path): cannot be opened: \(unsafe String(cString: strerror(errno))).")
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & 0o077 == 0 else {
            throw JobError("\(path): others can read the keys in it; run chmod 600 \(path).")
        }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        // The call writes at most `count` bytes into the array of that size.
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        let text = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
        var pairs: [(String, String)] = []
        for (at, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " }
            if line.isEmpty || line.hasPrefix("#") { continue }
            let sides = line.split(separator: "=", maxSplits: 1)
            // The line itself is not shown: it may be a key.
            guard sides.count == 2 else { throw JobError("\(path):\(at + 1): give NAME=KEY.") }
            pairs.append((String(sides[0]), String(sides[1])))
        }
        return pairs
    }
}
