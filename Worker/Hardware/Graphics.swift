/// One line for each GPU, as its driver names it.
package func graphicsProcessors(_ files: MachineFiles) -> [String] {
    let nvidia = "/proc/driver/nvidia/gpus"
    var found: [String] = []
    for card in files.names(nvidia) {
        for line in (files.text("\(nvidia)/\(card)/information") ?? "").split(whereSeparator: \.isNewline)
        where line.hasPrefix("Model:") { found.append(String(trimmed(line.dropFirst(6)))) }
    }
    // Cards with another driver. Display adapters of servers' management chips compute nothing: only these makers'.
    let makers = ["0x1002": "AMD", "0x8086": "Intel", "0x10de": "NVIDIA"]
    for card in files.numbered("card", in: "/sys/class/drm") {
        let device = "/sys/class/drm/card\(card)/device"
        guard let maker = makers[String(trimmed(files.text("\(device)/vendor") ?? ""))] else { continue }
        var driver = ""
        for line in (files.text("\(device)/uevent") ?? "").split(whereSeparator: \.isNewline)
        where line.hasPrefix("DRIVER=") { driver = String(line.dropFirst(7)) }
        // NVIDIA's own driver was listed above, with the model's name.
        if driver == "nvidia" && !found.isEmpty { continue }
        let model = trimmed(files.text("\(device)/device") ?? "unknown")
        found.append("\(maker) \(model)" + (driver.isEmpty ? "" : " (\(driver))"))
    }
    return found
}
