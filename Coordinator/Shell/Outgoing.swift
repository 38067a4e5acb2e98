import CoordinatorCore
import Messages
import ZeroMQ

// What goes out.
extension Coordinator {
    /// - Returns: false when there is no such connection any more.
    func send(_ message: Outbound, to connection: UInt64) throws -> Bool {
        let listener = listeners[Int(connection >> 32)]
        let version = versions.isEmpty ? Frame.protocolVersion : versions[connection] ?? Frame.protocolVersion
        var frame = Frame.encode(message, version: version)
        if frame.count > Frame.maximumBytes {
            // No connection carries it, and nobody's question stops the coordinator.
            log.write(LogLine(.warning, "answer_too_long", [("bytes", "\(frame.count)")]))
            guard case .reply(let number, _) = message else { return true }
            frame = Frame.encode(
                Outbound.reply(number: number, .refused("the answer has \(frame.count) bytes; ask for one job.")),
                version: version)
        }
        let outcome = try listener.socket.send([frame], to: Peer(UInt32(truncatingIfNeeded: connection)))
        if outcome == .sent, let seat = seats[connection] { offences.sent(frame.count, to: seat.descriptor) }
        if outcome == .unreachable {
            seats[connection] = nil
            versions[connection] = nil
        }
        return outcome == .sent
    }

    func answer(_ question: (connection: UInt64, message: Inbound)) throws {
        let message: Outbound
        switch question.message {
        case .hello:
            message = .welcome(
                coordinator: incarnation, heartbeatMilliseconds: UInt32(settings.limits.heartbeat),
                hostID: settings.hostID, blobFolder: settings.folder.blobs)
        case .goodbye: message = .introduceYourself
        case .wantBlob(let blob, let offset, let count): message = chunk(of: blob, offset, count)
        case .request(let number, let request): message = .reply(number: number, try reply(to: request, database))
        case .heartbeat, .outcomes, .draining, .reports, .printed, .enrol: return
        }
        _ = try send(message, to: question.connection)
    }
}
