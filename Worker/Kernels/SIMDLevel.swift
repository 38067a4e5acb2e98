import CKernels
import Foundation

/// The widest vector instructions that kernels may use. Every level gives the same bytes; a wider one gives them sooner.
package enum SIMDLevel: Int, Comparable {
    case scalar, avx2, avx512

    /// What this processor and operating system offer, or less when the environment variable `APEX_SIMD` names less.
    /// A text that names no level is ignored; a level beyond the hardware is lowered to it.
    package static let current: SIMDLevel = {
        let offered = SIMDLevel(rawValue: Int(apex_simd_level())) ?? .scalar
        switch ProcessInfo.processInfo.environment["APEX_SIMD"] {
        case "scalar": return .scalar
        case "avx2": return min(offered, .avx2)
        default: return offered
        }
    }()

    package static func < (a: SIMDLevel, b: SIMDLevel) -> Bool { a.rawValue < b.rawValue }
}
