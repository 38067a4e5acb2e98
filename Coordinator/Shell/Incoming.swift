import CoordinatorCore
import Messages
import ZeroMQ

// What comes in: read, checked against who says it, and sorted into events and questions.
extension Coordinator {
    /// What one turn of the loop heard.
    struct Batch {
        var events: [Event] = []
        /// Who is to be greeted, or asked who it is, once what it said is stored.
        var afterCommit: [(connection: UInt64, Inbound)] = []
    }

    /// Messages in a batch with a question, which waits for all of them.
    private static let messagesBesideQuestions = 32

    /// - Returns: whether nothing is left to receive.
    func receive(from index: Int, _ batch: inout Batch) throws -> Bool {
        let listener = listeners[index]
        for count in 0..<settings.batchMessages {
            if count >= Self.messagesBesideQuestions, !questions.isEmpty { return false }
            guard let receipt = try listener.socket.receive() else { return true }
            let (peer, descriptor) = receipt.origin
            let connection = peer.map { UInt64(index) << 32 | UInt64($0.number) }
            if let connection, offences.wasCut(connection) {
                guard offences.mayThrowMoreAway() else { return false }
                continue
            }
            guard let connection, case .message(let message) = receipt, message.frames.count == 1 else {
                let seat = connection.flatMap { self.seat(of: $0, descriptor, listener) }
                offences.note("not one frame from a worker or command", connection, seat)
                continue
            }
            note(Frame.version(of: message.frames[0]), of: connection)
            let speaker = index == 0 ? .local : admission?.speaker(message.peerKey) ?? .nobody
            let seat = seat(of: connection, message.connection, listener)
            if let seat { admission?.seat(message.peerKey, at: seat) }
            offences.heard(message)
            var refused: Outbound?
            do {
                let inbound = try Frame.decode(Inbound.self, message.frames[0])
                if let words = Permissions.refusal(of: inbound, from: speaker) {
                    offences.note(words, connection, seat, from: speaker)
                    refused = inbound.refused(words)
                } else if questions.isFull(for: inbound, of: connection)
                    || seat != nil && !offences.isWithinShare(inbound, connection)
                {
                    // Workers say again what was not accepted, and commands ask again.
                    offences.note("too many messages at once", connection, seat, from: speaker)
                    refused = inbound.isRequest ? inbound.refused("too many questions at once; wait for answers.") : nil
                } else {
                    try sort(inbound, connection, message.peerKey, &batch)
                }
            } catch let error as WireError {
                offences.note("\(error)", connection, seat, from: speaker)
                refused = .refused("this coordinator (apex \(codeVersion)) cannot read you: \(error).")
            }
            if let refused { _ = try send(refused, to: connection) }
        }
        return false
    }

    /// Peers are answered in the version that they speak.
    private func note(_ version: UInt16?, of connection: UInt64) {
        guard let version else { return }
        let spoken = Frame.answerVersion(to: version)
        if spoken == Frame.protocolVersion {
            if !versions.isEmpty { versions[connection] = nil }
        } else {
            if versions.count > 1 << 16 { versions = [:] }  // learnt again from what comes
            versions[connection] = spoken
        }
    }

    /// Of a TCP connection, as it was when it was first heard.
    private func seat(of connection: UInt64, _ descriptor: Int32?, _ listener: Listener) -> Seat? {
        if let known = seats[connection] { return known }
        guard let monitor = listener.monitor, let descriptor, let number = monitor.connection(at: descriptor) else {
            return nil
        }
        if seats.count > 1 << 16 { seats = [:] }  // learnt again from what comes
        let seat = Seat(descriptor: descriptor, number: number, monitor: monitor)
        monitor.hasSpoken(descriptor, number)
        seats[connection] = seat
        return seat
    }

    private func sort(_ message: Inbound, _ connection: UInt64, _ key: PublicKey?, _ batch: inout Batch)
        throws
    {
        switch message {
        case .enrol(let bytes):
            guard let admission, let monitor = listeners[1].monitor else { throw WireError("no keys over ipc") }
            let answer = admission.enrol(bytes, for: key, monitor)
            _ = try? send(answer, to: connection)
        case .hello(var hello):
            hello.boundClaims()
            guard servedVersions.contains(hello.codeVersion) else { return try refuse(hello, connection) }
            if let words = routes.join(hello.worker, connection, key) { throw WireError(words) }
            batch.events.append(.hello(hello))
            batch.afterCommit.append((connection, message))
        case .heartbeat(let worker, let seen, let held):
            guard isKnown(worker, connection, &batch) else { return }
            batch.events.append(.heartbeat(worker, seen: seen, held: held))
        case .outcomes(let worker, let number, let outcomes):
            guard isKnown(worker, connection, &batch) else { return }
            batch.events.append(.outcomes(worker, number: number, outcomes))
        case .draining(let worker):
            if isKnown(worker, connection, &batch) { batch.events.append(.draining(worker)) }
        case .goodbye(let worker):
            if isKnown(worker, connection, &batch) { batch.events.append(.goodbye(worker)) }
        case .reports(let worker, let reports):
            if isKnown(worker, connection, &batch) { batch.events.append(.reported(worker, reports)) }
        case .printed(let worker, let output):
            if isKnown(worker, connection, &batch) { printed.add(output, from: worker, core) }
        case .wantBlob: questions.add(message, of: connection)
        case .request(let number, let request):
            let client = ClientRef(connection: connection, number: number)
            switch request {
            case .submit(let submission):
                if let words = submission.refusal {
                    _ = try? send(.reply(number: number, .refused(words)), to: connection)
                } else {
                    batch.events.append(.submitted(submission, by: client))
                }
            case .cancel(let job): batch.events.append(.cancel(job, by: client))
            case .pause(let job): batch.events.append(.pause(job, by: client))
            case .unpause(let job): batch.events.append(.unpause(job, by: client))
            case .addBudget(let job, let milliseconds, let token):
                batch.events.append(.addBudget(job, milliseconds: milliseconds, token: token, by: client))
            case .tell(let job, let isKept, let bytes):
                batch.events.append(.told(job, isKept: isKept, bytes, by: client))
            case .status, .job, .why, .results, .ledger, .output, .putBlob: questions.add(message, of: connection)
            }
        }
    }

    /// A worker whose tasks may not make the same bytes as others'.
    private func refuse(_ hello: Inbound.Hello, _ connection: UInt64) throws {
        let version = hello.codeVersion.prefix(40)
        let served = servedVersions.joined(separator: ", ")
        offences.note(
            "worker \(hello.name.prefix(60)) is apex-worker \(version), served are \(served)", connection,
            seats[connection]
        )
        let words =
            "this coordinator is apex \(codeVersion) and works with apex-worker \(served); this one is \(version). Install "
            + "that version here, or upgrade the coordinator if it is the older one."
        let isOld = versions[connection].map { $0 < 2 } ?? false
        _ = try send(isOld ? .refused(words) : .unlike(words), to: connection)
    }

    /// A worker speaks only through the connection that said hello for it; others are asked who they are.
    private func isKnown(_ worker: WorkerID, _ connection: UInt64, _ batch: inout Batch) -> Bool {
        if routes.connection(of: worker) == connection { return true }
        batch.afterCommit.append((connection, .goodbye(worker: worker)))
        return false
    }
}

extension Inbound {
    fileprivate var isRequest: Bool { if case .request = self { true } else { false } }
    /// The answer that says no.
    fileprivate func refused(_ words: String) -> Outbound {
        if case .request(let number, _) = self { .reply(number: number, .refused(words)) } else { .refused(words) }
    }
}

extension Receipt {
    /// Whom it came from, and by which connection.
    fileprivate var origin: (peer: Peer?, descriptor: Int32?) {
        switch self {
        case .message(let message): (message.peer, message.connection)
        case .refused(let refusal): (refusal.peer, refusal.connection)
        }
    }
}
