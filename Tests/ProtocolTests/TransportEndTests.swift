import Foundation
import Testing
import ZeroMQ

// What libzmq really does, pinned: the traps of shutdown, and waiting, each against our own configuration.

struct TransportEndTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `the context ends promptly, whatever is unsent and whoever waits`() async {
        await #expect(processExitsWith: .success) {
            let folder = try Folder()
            let authenticator = try Authenticator()
            let waiting = DispatchSemaphore(value: 0)
            let ended = DispatchSemaphore(value: 0)
            Thread {
                do throws(ZeroMQError) {
                    let pull = try Socket(.pull)
                    try pull.bind("inproc://nothing")
                    waiting.signal()
                    _ = try pull.receive(waiting: true)
                } catch { if error.isTermination { ended.signal() } }
            }.start()
            waiting.wait()
            do {
                var patient = SocketOptions()
                patient.queuesBeforeConnected = true
                patient.lingerMilliseconds = 300
                let dealer = try Socket(.dealer, options: patient)
                try dealer.connect(folder.ipc)  // nobody listens
                for _ in 0..<1000 { guard try dealer.send([[1]]) == .sent else { exit(2) } }
                let router = try Socket(.router)
                try router.bind("\(folder.ipc)2")
                _ = try Monitor(router)
            }
            let start = ContinuousClock.now
            Context.shared.terminate()
            guard ContinuousClock.now - start < .seconds(5) else { exit(3) }
            guard ended.wait(timeout: .now() + 5) == .success else { exit(4) }
            authenticator.stop()
            do throws(ZeroMQError) {
                _ = try Socket(.pull)
                exit(5)
            } catch { guard error.isTermination else { exit(6) } }
        }
    }

    @Test func `what was sent before the end still arrives`() async {
        await #expect(processExitsWith: .success) {
            let folder = try Folder()
            let ready = DispatchSemaphore(value: 0)
            let counted = DispatchSemaphore(value: 0)
            let address = folder.ipc
            Thread {
                do throws(ZeroMQError) {
                    let pull = try Socket(.pull)
                    try pull.bind(address)
                    ready.signal()
                    for _ in 0..<10_000 { _ = try pull.receive(waiting: true) }
                    counted.signal()
                } catch { exit(2) }
            }.start()
            ready.wait()
            do {
                let push = try Socket(.push)
                try push.connect(address)
                for _ in 0..<10_000 { try push.sendSoon([[1]]) }
            }
            guard counted.wait(timeout: .now() + 5) == .success else { exit(3) }
            Context.shared.terminate()
        }
    }

    #if DEBUG
        @Test func `a socket used on another thread stops the program`() async {
            await #expect(processExitsWith: .failure) {
                struct Smuggled: @unchecked Sendable { var use: () -> Void }
                let socket = try Socket(.pair)
                try socket.bind("inproc://mine")
                let box = Box(socket)
                let use = Smuggled { _ = try? box.socket.receive() }
                let done = DispatchSemaphore(value: 0)
                Thread {
                    use.use()
                    done.signal()
                }.start()
                done.wait()
            }
        }
    #endif

    // MARK: - Waiting

    @Test func `a poller sees sockets and wakeups, and its patience ends`() throws {
        let push = try Socket(.push)
        let pull = try Socket(.pull)
        try pull.bind("inproc://poller")
        let wakeup = try Wakeup()
        var poller = Poller()
        let messages = poller.add(pull)
        let wakeups = poller.add(descriptor: wakeup.descriptor)
        let start = ContinuousClock.now
        #expect(try poller.wait(milliseconds: 30) == 0)
        #expect(ContinuousClock.now - start >= .milliseconds(29))
        Thread { for _ in 0..<3 { wakeup.wake() } }.start()
        #expect(try poller.wait(milliseconds: 10_000) == 1)
        #expect(poller.isReadable(wakeups) && !poller.isReadable(messages))
        while poller.isReadable(wakeups) {  // the other two calls may come a little later
            wakeup.clear()
            try poller.wait(milliseconds: 50)
        }
        try push.connect("inproc://poller")
        try push.sendSoon([[1]])
        #expect(try poller.wait(milliseconds: 10_000) == 1)
        #expect(poller.isReadable(messages) && !poller.isReadable(wakeups))
    }

    @Test func `signals interrupt neither waiting nor receiving`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGALRM) { _ in }
            var every = itimerval(
                it_interval: timeval(tv_sec: 0, tv_usec: 2000), it_value: timeval(tv_sec: 0, tv_usec: 2000))
            unsafe setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &every, nil)
            let pull = try Socket(.pull)
            try pull.bind("inproc://signals")
            var poller = Poller()
            let messages = poller.add(pull)
            let start = ContinuousClock.now
            guard try poller.wait(milliseconds: 200) == 0 else { exit(2) }
            let waited = ContinuousClock.now - start
            guard waited >= .milliseconds(199), waited < .seconds(5) else { exit(3) }
            Thread {
                Signals.blockOnThisThread()
                var blocked = sigset_t()
                unsafe pthread_sigmask(SIG_BLOCK, nil, &blocked)
                guard unsafe sigismember(&blocked, SIGALRM) == 1, unsafe sigismember(&blocked, SIGSEGV) == 0 else {
                    exit(4)
                }
                usleep(50_000)  // so that the receiver below is waiting, and interrupted, first
                do throws(ZeroMQError) {
                    let push = try Socket(.push)
                    try push.connect("inproc://signals")
                    for _ in 0..<100 { guard try push.send([[1]]) == .sent else { exit(5) } }
                } catch { exit(6) }
            }.start()
            for _ in 0..<100 { guard case .message = try pull.receive(waiting: true) else { exit(7) } }
            guard try poller.wait(milliseconds: 0) == 0, !poller.isReadable(messages) else { exit(8) }
        }
    }

    @Test func `a poller waits for room only when asked to`() throws {
        let push = try Socket(.push)
        let pull = try Socket(.pull)
        try pull.bind("inproc://room")
        try push.connect("inproc://room")
        var poller = Poller()
        let room = poller.add(push)
        #expect(try poller.wait(milliseconds: 0) == 0)
        poller.setWritable(room, true)
        #expect(try poller.wait(milliseconds: 10_000) == 1 && poller.isWritable(room))
        poller.setWritable(room, false)
        #expect(try poller.wait(milliseconds: 0) == 0)
    }
}

private final class Box {
    let socket: Socket
    init(_ socket: consuming Socket) { self.socket = socket }
}
