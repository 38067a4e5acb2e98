/// A binary heap: the least comes first.
struct LeastFirst<Element: Comparable & Sendable>: Sendable {
    private(set) var elements: [Element] = []

    init() {}
    /// - Parameter elements: in any order.
    init(_ elements: [Element]) { for element in elements { insert(element) } }

    var count: Int { elements.count }
    var first: Element? { elements.first }

    mutating func insert(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard elements[child] < elements[parent] else { break }
            elements.swapAt(child, parent)
            child = parent
        }
    }

    @discardableResult mutating func popLeast() -> Element? {
        guard !elements.isEmpty else { return nil }
        elements.swapAt(0, elements.count - 1)
        let least = elements.removeLast()
        var parent = 0
        while true {
            let (left, right) = (2 * parent + 1, 2 * parent + 2)
            guard left < elements.count else { break }
            let child = right < elements.count && elements[right] < elements[left] ? right : left
            guard elements[child] < elements[parent] else { break }
            elements.swapAt(parent, child)
            parent = child
        }
        return least
    }
}
