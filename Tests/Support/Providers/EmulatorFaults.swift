import Foundation
import Market

/// What goes wrong with a provider's answers, on demand or by chance.
package enum EmulatorFault: Sendable, CaseIterable, Equatable {
    case tooMany, badGateway, pageInsteadOfData, slow, cut, wrongLength, truncated, unordered, unavailable, moved
    /// Right, and after twenty seconds.
    case late
}

/// A provider whose answers go wrong. What it counted, it counted: a fault comes after the quota is charged.
package struct FaultyProvider: Sendable {
    package var provider: any ProviderEmulator
    /// Of the coming calls, first come first served; nil: none.
    package var script: [EmulatorFault?] = []
    /// How many in a thousand of the other calls go wrong.
    package var perThousand = 0
    package var faults: [EmulatorFault] = EmulatorFault.allCases
    private var chance: SplitMix64
    /// Every call that was answered as it should be: target, how often.
    package private(set) var answered: [String: Int] = [:]
    package private(set) var faulty = 0

    package init(_ provider: any ProviderEmulator, seed: UInt64 = 1) {
        self.provider = provider
        chance = SplitMix64(seed: seed)
    }

    package mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse {
        var response = provider.answer(request, at: now)
        response.headers.append(("Date", Self.httpDate(now)))
        var fault: EmulatorFault?
        if !script.isEmpty {
            fault = script.removeFirst()
        } else if chance.next(below: 1000) < perThousand {
            fault = faults[chance.next(below: faults.count)]
        }
        guard let fault else {
            let query = request.query.filter { $0.name.lowercased() != "apikey" }
            answered["\(request.path)?\(query.map { "\($0.name)=\($0.value)" }.joined(separator: "&"))", default: 0] +=
                1
            return response
        }
        faulty += 1
        apply(fault, to: &response, at: now)
        return response
    }

    private func apply(_ fault: EmulatorFault, to response: inout EmulatedResponse, at now: Int64) {
        func replace(_ other: EmulatedResponse) {
            response = other
            response.headers.append(("Date", Self.httpDate(now)))
        }
        switch fault {
        case .tooMany: replace(provider.tooMany(at: now))
        case .badGateway: replace(.html(502))
        case .pageInsteadOfData: replace(.html(200))
        case .unavailable: replace(EmulatedResponse(503, "", headers: [("Retry-After", "7")]))
        case .moved: replace(EmulatedResponse(302, "", headers: [("Location", "http://127.0.0.1:9/elsewhere")]))
        case .slow: response.trouble = .slow(120_000)
        case .late: response.trouble = .slow(20_000)
        case .cut: response.trouble = .cut(afterBytes: response.body.count / 2)
        case .wrongLength: response.trouble = .wrongLength(10)
        case .truncated: response.body = Array(response.body.prefix(response.body.count * 2 / 3))
        case .unordered: response.body = Self.unordered(response.body)
        }
    }

    /// The same bars once more, and backwards, where they stand in a list of objects.
    private static func unordered(_ body: [UInt8]) -> [UInt8] {
        let text = String(decoding: body, as: UTF8.self)
        guard let open = text.range(of: "[{"), let close = text.range(of: "}]", range: open.upperBound..<text.endIndex)
        else { return body }
        let rows = text[open.upperBound..<close.lowerBound].components(separatedBy: "},{")
        let mixed = (rows.reversed() + rows.prefix(1)).joined(separator: "},{")
        return Array((text[..<open.upperBound] + mixed + text[close.lowerBound...]).utf8)
    }

    static func httpDate(_ now: Int64) -> String {
        let day = Int(now / 86_400_000)
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let date = EmulatedMarket.text(day: day).split(separator: "-")
        let second = Int(now / 1000) % 86_400
        func two(_ number: Int) -> String { EmulatedMarket.two(number) }
        return "\(names[day % 7]), \(date[2]) \(months[Int(date[1])! - 1]) \(date[0]) "
            + "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60)) GMT"
    }
}
