/// What /proc/cpuinfo says, on x86 or ARM.
package struct Processors: Equatable {
    package var model = ""
    package var logical = 0
    /// 0 when the file does not tell cores from threads, as on ARM.
    package var physical = 0
    /// `scalar`, `avx2`, `avx512` or `neon`: what the kernels choose between.
    package var simd = "scalar"

    package init(cpuinfo: String) {
        var cores: Set<[Int]> = []
        var package = 0
        var implementer = ""
        var part = ""
        var flags: Set<Substring> = []
        for line in cpuinfo.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let key = trimmed(line[..<colon])
            let value = trimmed(line[line.index(after: colon)...])
            switch key {
            case "processor":
                // Old ARM kernels have a line `Processor : ARMv7 …`; a number is what is meant here.
                if Int(value) != nil { logical += 1 }
            case "model name" where model.isEmpty: model = String(value)
            case "physical id": package = Int(value) ?? 0
            case "core id": cores.insert([package, Int(value) ?? 0])
            case "flags", "Features": if flags.isEmpty { flags = Set(value.split(separator: " ")) }
            case "CPU implementer" where implementer.isEmpty: implementer = String(value)
            case "CPU part" where part.isEmpty: part = String(value)
            case "Model" where model.isEmpty: model = String(value)
            default: break
            }
        }
        physical = cores.count
        if model.isEmpty, !part.isEmpty { model = Self.armName(implementer, part) }
        // The same features that the kernels ask the processor for.
        let wide: Set<Substring> = ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vpopcntdq"]
        if flags.contains("avx2"), flags.contains("bmi2") { simd = flags.isSuperset(of: wide) ? "avx512" : "avx2" }
        if flags.contains("asimd") || flags.contains("neon") { simd = "neon" }
    }

    private static func armName(_ implementer: String, _ part: String) -> String {
        // Source: Arm's MIDR_EL1 part numbers.
        let names = [
            "0xd03": "Cortex-A53", "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1",
            "0xd40": "Neoverse-V1", "0xd49": "Neoverse-N2", "0xd4f": "Neoverse-V2", "0xd05": "Cortex-A55",
        ]
        if implementer == "0x41", let name = names[part] { return "ARM \(name)" }
        return "ARM \(implementer) \(part)"
    }
}

/// Distinct cores by the kernel's topology files; 0 when there are none.
func physicalCores(_ files: MachineFiles) -> Int {
    let folder = "/sys/devices/system/cpu"
    var cores: Set<[UInt64]> = []
    for cpu in files.numbered("cpu", in: folder) {
        guard let core = files.number("\(folder)/cpu\(cpu)/topology/core_id") else { continue }
        cores.insert([files.number("\(folder)/cpu\(cpu)/topology/physical_package_id") ?? 0, core])
    }
    return cores.count
}

/// Bytes of the first processor's data caches by level.
func caches(_ files: MachineFiles) -> [Int: UInt64] {
    let folder = "/sys/devices/system/cpu/cpu0/cache"
    var sizes: [Int: UInt64] = [:]
    for index in files.numbered("index", in: folder) {
        let place = "\(folder)/index\(index)"
        guard let level = files.number("\(place)/level"), let text = files.text("\(place)/size"),
            let size = byteCount(text), trimmed(files.text("\(place)/type") ?? "") != "Instruction"
        else { continue }
        sizes[Int(clamping: level)] = size
    }
    return sizes
}

/// `32K`, `1024K`, `32M` or plain bytes; nil for anything else.
package func byteCount(_ text: String) -> UInt64? {
    let word = trimmed(text[...])
    let digits = word.prefix { $0.isNumber }
    guard let number = UInt64(digits) else { return nil }
    let shift: UInt64
    switch word.dropFirst(digits.count) {
    case "": shift = 0
    case "K", "kB", "KB": shift = 10
    case "M", "MB": shift = 20
    case "G", "GB": shift = 30
    default: return nil
    }
    let product = number.multipliedReportingOverflow(by: 1 << shift)
    return product.overflow ? nil : product.partialValue
}

/// Bytes of a line of /proc/meminfo; nil when it is not there.
package func memoryBytes(_ key: String, meminfo: String) -> UInt64? {
    for line in meminfo.split(whereSeparator: \.isNewline) where line.hasPrefix(key + ":") {
        let words = line.dropFirst(key.count + 1).split(separator: " ")
        guard let first = words.first else { return nil }
        return byteCount(first + (words.count > 1 ? String(words[1]) : ""))
    }
    return nil
}

func trimmed(_ text: some StringProtocol) -> Substring {
    let start = text.drop { $0.isWhitespace }
    let end = start.lastIndex { !$0.isWhitespace }
    guard let end else { return "" }
    return Substring(start[...end])
}
