import Glibc
import HTTP
import Jobs
import Messages
import Providers

/// Fetches one batch, a lease at a time. Whatever the provider answers is a result; only a worker that cannot fetch
/// throws.
package enum IngestRunner: Runner {
    package typealias Kind = Ingest

    package static func run(_ task: Ingest.Task, index: UInt32, context: RunContext) throws(JobError) -> Ingest.Result {
        guard let provider = ProviderList.provider(named: task.provider) else {
            throw JobError("this worker knows no provider \(task.provider); update it.")
        }
        // Read for every task: a key may be changed while the worker runs.
        let all = try ProviderKeys.read()
        let keys = try all.keys(of: provider)
        var fetch = try Fetch(task, run: UInt64.random(in: 1...UInt64.max))
        var client: HTTPClient
        do throws(HTTPFailure) { client = try HTTPClient() } catch { throw JobError("libcurl: \(error.words)") }
        let start = ContinuousClock.now
        func now() -> UInt64 { UInt64((ContinuousClock.now - start) / .milliseconds(1)) }
        // What is said while a call is under way is heard then: it may be that nobody needs the answer any more.
        let heard = Heard()
        while true {
            guard !context.isCancelled() else { throw JobError("stopped because its task was cancelled.") }
            switch fetch.step(at: now(), heard: heard.take() + context.answers()) {
            case .say(let bytes): context.report(bytes)
            case .rest(let until): rest(until - min(until, now()), context)
            case .call(let request, let milliseconds):
                let asking = fetch
                let outcome = outcome(of: request, of: provider, keys, all, milliseconds, client) {
                    heard.add(context.answers())
                    return !asking.isLeft(by: heard.waiting) && !context.isCancelled()
                }
                // Told to leave it, it has ended with the next step; what came all the same is taken.
                if outcome != .failure(.abandoned) { fetch.received(outcome, at: now()) }
            case .end(let result): return result
            }
        }
    }
    /// Answers that came during a call.
    private final class Heard {
        private(set) var waiting: [[UInt8]] = []
        func add(_ more: [[UInt8]]) { waiting += more }
        func take() -> [[UInt8]] {
            defer { waiting = [] }
            return waiting
        }
    }

    private static func outcome(
        of request: HTTPRequest, of provider: any Provider, _ keys: [Secret], _ all: ProviderKeys,
        _ milliseconds: UInt64, _ client: borrowing HTTPClient, isWanted: @escaping () -> Bool
    ) -> Result<HTTPResponse, HTTPFailure> {
        if provider.name == Files.name { return .success(BarFiles.answer(request, path: all.filesPath)) }
        guard let sealed = request.sealed(keys) else { return .failure(.untrusted("a key is missing")) }
        do throws(HTTPFailure) {
            let host = try all.host(request.host, of: provider)
            return .success(
                try client.get(
                    base: host, target: sealed.target, headers: sealed.headers, milliseconds: milliseconds,
                    isWanted: isWanted
                ).hiding(keys))
        } catch { return .failure(error) }
    }

    /// Until the time is over, an answer is here or the task may have been cancelled; a second at most without a bell.
    private static func rest(_ milliseconds: UInt64, _ context: RunContext) {
        var waiting = pollfd(fd: context.bell, events: Int16(POLLIN), revents: 0)
        let limit: UInt64 = context.bell < 0 ? 20 : 1000
        unsafe poll(&waiting, context.bell < 0 ? 0 : 1, Int32(min(milliseconds, limit)))
    }
}
