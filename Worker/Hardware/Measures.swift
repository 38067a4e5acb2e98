import COpenBLAS
import Glibc

private let measureNanoseconds: Int64 = 50_000_000

/// Multiplications of two 256 × 256 matrices on one thread, in 10⁶ floating-point operations a second.
func measuredMegaflops() -> UInt64 {
    let size = 256
    openblas_set_num_threads(1)
    let a = (0..<size * size).map { Double($0 % 7) - 3 }
    let b = (0..<size * size).map { Double($0 % 5) - 2 }
    var c = [Double](repeating: 0, count: size * size)
    let count = repetitions {
        let n = Int32(size)
        // Three matrices of size × size, row after row.
        unsafe cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, &c, n)
    }
    return UInt64(count * 2 * Double(size * size * size) / 1e6)
}

/// Copies between two buffers that no cache holds, on one thread, in 10⁶ bytes a second.
func measuredMegabytesPerSecond(availableBytes: UInt64) -> UInt64 {
    // Two of 64 MiB, less on a machine that can ill spare them.
    let size = Int(min(64 << 20, max(1 << 20, availableBytes / 32)))
    let source = [UInt8](repeating: 1, count: size)
    var target = [UInt8](repeating: 2, count: size)
    let count = repetitions {
        unsafe source.withUnsafeBytes { from in
            // Both hold `size` bytes.
            unsafe target.withUnsafeMutableBytes { unsafe $0.copyMemory(from: from) }
        }
    }
    return UInt64(count * Double(size) / 1e6)
}

/// How often a second `body` runs: once to warm up, then for 50 ms.
private func repetitions(_ body: () -> Void) -> Double {
    func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
    body()
    let start = now()
    var count = 0
    var elapsed: Int64 = 0
    repeat {
        body()
        count += 1
        elapsed = now() - start
    } while elapsed < measureNanoseconds
    return Double(count) * 1e9 / Double(max(elapsed, 1))
}
