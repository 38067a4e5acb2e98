import Configuration
import Glibc
import Joining
import Messages
import WorkerShell
import ZeroMQ

@main enum ApexWorker {
    private static let usage = """
        apex-worker --join LINE [OPTION…]
        apex-worker [--coordinator ADDRESS] [OPTION…]
        Runs tasks for a coordinator until it is told to stop (Ctrl-C or SIGTERM; twice: at once).

          --join LINE            join a coordinator elsewhere: the line that `apex keys add-worker NAME` prints there. It
                                 works once; the key this machine makes then serves every later start, which needs
                                 neither line nor address. - reads the line from standard input
          --coordinator ADDRESS  ipc:///path/to/socket or tcp://host:port (default: $APEX_COORDINATOR, else where
                                 this machine joined)
          --slots N              tasks at once (default: one for each core this process may use)
          --name NAME            what people see (default: host name and process number)
          --state DIR            where fetched blobs and the folders of trials are kept (default: ~/.cache/apex-worker)
          --keys DIR             this machine's key (default: keys in --state DIR, else ~/.config/apex-worker)
          --parent-pid N         leave when process N, which started this one, has ended
          --drain-seconds N      how long tasks may run on after SIGTERM (default: 5)
          --lead-seconds N       so long before the end of its Slurm allocation it takes no more tasks (default: 60)
          --hide DIR             a folder that programs of tasks see empty, besides --keys; may be given several times
          --config FILE          settings: the sections worker and log of cluster.yaml; the options above come first
          --help, --version

        Exit codes: 0 it left in good order; 1 it could not start, or was refused; 2 wrong use; 5 the coordinator is of a
        version that this one does not work with; 77 the coordinator refuses this worker's key: it was revoked, or never
        let in. After 5 and 77 starting again is of no use.

        Example: apex-worker --join apex://10.0.0.5:7117/KEY/TOKEN       the first time
                 apex-worker                                             from then on
        """

    static func main() {
        do {
            let options = try options(CommandLine.arguments.dropFirst().map { $0 })
            exit(try WorkerShell(options).run())
        } catch let error as WrongUse {
            complain("\(error.description)\nTry apex-worker --help.")
            exit(2)
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private struct WrongUse: Error { var description: String }

    private static func complain(_ text: String) {
        let bytes = Array("apex-worker: \(text)\n".utf8)
        _ = unsafe write(2, bytes, bytes.count)
    }

    private static func options(_ arguments: [String]) throws -> WorkerOptions {
        var line: String?
        var coordinator = unsafe getenv("APEX_COORDINATOR").map { unsafe String(cString: $0) }
        var options = WorkerOptions(coordinator: "")
        options.pretend { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
        if let at = arguments.firstIndex(of: "--config"), at + 1 < arguments.count {
            options.apply(try Configuration(readingFrom: arguments[at + 1]))
        }
        var rest = arguments[...]
        while let name = rest.popFirst() {
            func value() throws -> String {
                guard let value = rest.popFirst() else { throw WrongUse(description: "\(name) needs a value.") }
                return value
            }
            func number(_ range: ClosedRange<Int>) throws -> Int {
                let text = try value()
                guard let number = Int(text), range.contains(number) else {
                    throw WrongUse(
                        description: "\(name) is \(text); give a number from \(range.lowerBound) to "
                            + "\(range.upperBound).")
                }
                return number
            }
            switch name {
            case "--coordinator": coordinator = try value()
            case "--join": line = try value()
            case "--slots": options.slots = try number(1...4096)
            case "--name": options.name = try value()
            case "--state": options.state = try value()
            case "--keys": options.keys = try value()
            case "--hide": options.programRules.hidden.append(try value())
            case "--parent-pid": options.parentProcess = Int32(try number(1...Int(Int32.max)))
            case "--config": _ = try value()  // read before all others, which it must not override
            case "--drain-seconds": options.drainSeconds = try number(0...86_400)
            case "--lead-seconds": options.leadSeconds = try number(0...86_400)
            case "--check-trial":
                try CheckTrial.run(try value())
                exit(0)
            case "--help", "-h":
                print(usage)
                exit(0)
            case "--version":
                print("apex-worker \(codeVersion)")
                exit(0)
            default: throw WrongUse(description: "\(name) is no option.")
            }
        }
        let keys = MachineKeys(options.keyFolder, file: "worker")
        if let line { coordinator = try join(line, keys) }
        guard let coordinator = coordinator ?? keys.address, !coordinator.isEmpty else {
            throw WrongUse(
                description: "no coordinator; give --coordinator ADDRESS, or --join with the line that `apex keys "
                    + "add-worker NAME` prints on the coordinator's machine.")
        }
        options.coordinator = coordinator
        return options
    }

    /// - Returns: where the coordinator is.
    private static func join(_ text: String, _ keys: MachineKeys) throws -> String {
        guard let text = text == "-" ? readLine() : text else {
            throw WrongUse(description: "--join - wants the line on standard input, where nothing came.")
        }
        let line: JoinLine
        do throws(ZeroMQError) { line = try JoinLine(text) } catch { throw WrongUse(description: "\(error).") }
        if let name = try Enrolment.join(line, keys) {
            complain("joined \(line.address) as \(name); the key is in \(keys.folder), later starts need no line.")
        }
        return line.address
    }
}
