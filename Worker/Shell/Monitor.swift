import Glibc

/// A lock with a condition: what `Mutex` lacks is the waiting.
@safe final class Monitor: @unchecked Sendable {
    // At fixed addresses, as pthreads want it; made in init and freed in deinit, when no thread holds a reference.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }
    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func locked<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body()
    }
    /// Inside `locked`: gives the lock up until somebody changes something. It may return for no reason.
    func wait() { unsafe pthread_cond_wait(condition, mutex) }
    /// One waiting thread looks again.
    func signal() { unsafe pthread_cond_signal(condition) }
    /// All waiting threads look again.
    func broadcast() { unsafe pthread_cond_broadcast(condition) }
}

/// Time since some fixed moment of this boot; it never goes back.
enum Monotonic {
    static var nanoseconds: Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
    static var milliseconds: Int64 { nanoseconds / 1_000_000 }
    /// Since 1970: only for what others say in their clock's time.
    static var wallMilliseconds: Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
