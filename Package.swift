// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.strictMemorySafety(), .swiftLanguageMode(.v6)]
// Optimised in debug builds too: kernels, samplers, the codec, the core and its simulator are up to a hundred times
// slower without, and so would the tests be.
let quick = strict + [.unsafeFlags(["-O"])]
#if arch(x86_64)
    let fast = quick + [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]  // AVX2 is the floor on x86
#else
    let fast = quick
#endif

// Read from the top: what both sides agree on, then the coordinator, the worker, the tests, the bench.
// A dependency that is missing here is a design rule: the core cannot import a socket, the coordinator cannot import
// a kernel, a kernel cannot import a socket.
let package = Package(
    name: "apex-cluster",
    products: [
        .executable(name: "apex", targets: ["apex"]),
        .executable(name: "apex-worker", targets: ["apex-worker"]),
    ],
    targets: [
        // Protocol
        .systemLibrary(name: "CZeroMQ", path: "Protocol/CZeroMQ"),
        .systemLibrary(name: "CSodium", path: "Protocol/CSodium", pkgConfig: "libsodium"),
        .systemLibrary(name: "CYAML", path: "Protocol/CYAML", pkgConfig: "yaml-0.1"),
        .systemLibrary(name: "CDeflate", path: "Protocol/CDeflate", pkgConfig: "libdeflate"),
        .systemLibrary(name: "CHDF5", path: "Protocol/CHDF5", pkgConfig: "hdf5-serial"),
        .systemLibrary(name: "COpenBLAS", path: "Protocol/COpenBLAS", pkgConfig: "openblas"),
        .target(name: "CLinux", path: "Protocol/CLinux"),
        .target(name: "Messages", path: "Protocol/Messages", swiftSettings: quick),
        .target(
            name: "Market", dependencies: ["Messages", "CDeflate"], path: "Protocol/Market", swiftSettings: quick),
        .target(
            name: "Providers", dependencies: ["Messages", "Market"], path: "Protocol/Providers", swiftSettings: quick),
        .target(
            name: "Jobs", dependencies: ["Messages", "Market", "Providers"], path: "Protocol/Jobs",
            swiftSettings: quick),
        .target(name: "Objectives", path: "Protocol/Objectives", swiftSettings: quick),
        .target(name: "ZeroMQ", dependencies: ["CZeroMQ"], path: "Protocol/ZeroMQ", swiftSettings: strict),
        .target(
            name: "Joining", dependencies: ["Messages", "ZeroMQ"], path: "Protocol/Joining", swiftSettings: strict),
        .target(name: "Blobs", dependencies: ["Messages", "CSodium"], path: "Protocol/Blobs", swiftSettings: strict),
        .target(
            name: "Shards", dependencies: ["Messages", "Blobs", "CHDF5", "CDeflate", "CLinux"], path: "Protocol/Shards",
            swiftSettings: quick),
        .target(name: "Images", dependencies: ["CDeflate"], path: "Protocol/Images", swiftSettings: fast),
        .target(name: "Schedules", dependencies: ["Market"], path: "Protocol/Schedules", swiftSettings: strict),
        .target(
            name: "Configuration", dependencies: ["Messages", "Jobs", "Schedules", "CYAML"],
            path: "Protocol/Configuration",
            swiftSettings: strict),

        // Coordinator
        .systemLibrary(name: "CSQLite", path: "Coordinator/CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CMicroHTTPD", path: "Coordinator/CMicroHTTPD", pkgConfig: "libmicrohttpd"),
        .target(name: "CoordinatorCore", dependencies: ["Messages"], path: "Coordinator/Core", swiftSettings: quick),
        .target(
            name: "Samplers", dependencies: ["COpenBLAS"], path: "Coordinator/Samplers", swiftSettings: fast),
        .target(
            name: "Pruners", dependencies: ["Messages", "Samplers"], path: "Coordinator/Pruners", swiftSettings: quick),
        .target(
            name: "Analysis", dependencies: ["Jobs", "Samplers"], path: "Coordinator/Analysis", swiftSettings: quick),
        .target(
            name: "Planners",
            dependencies: [
                "Messages", "Jobs", "Market", "Objectives", "Samplers", "Pruners", "Blobs", "JSON", "Providers",
            ],
            path: "Coordinator/Planners", swiftSettings: quick),
        .target(
            name: "Store", dependencies: ["CSQLite", "Messages"], path: "Coordinator/Store", swiftSettings: strict),
        .target(
            name: "Bars", dependencies: ["CDeflate", "Messages", "Jobs", "Market", "Store"], path: "Coordinator/Bars",
            swiftSettings: quick),
        .target(
            name: "Scheduling", dependencies: ["Messages", "Blobs", "Schedules", "Store"],
            path: "Coordinator/Scheduling",
            swiftSettings: strict),
        .target(name: "JSON", path: "Coordinator/JSON", swiftSettings: quick),
        .target(
            name: "Studies", dependencies: ["Messages", "Jobs", "Store", "JSON"], path: "Coordinator/Studies",
            swiftSettings: strict),
        .target(
            name: "Metrics", dependencies: ["CMicroHTTPD", "Messages"], path: "Coordinator/Metrics",
            swiftSettings: strict),
        .target(
            name: "CoordinatorShell",
            dependencies: [
                "Bars", "Providers", "Market", "Messages", "Jobs", "ZeroMQ", "Blobs", "Configuration", "Store",
                "CoordinatorCore", "Planners", "Studies", "CLinux", "Metrics",
            ], path: "Coordinator/Shell", swiftSettings: strict),
        .target(
            name: "Retention", dependencies: ["JSON", "Shards"], path: "Coordinator/Retention", swiftSettings: strict),
        .target(
            name: "Report",
            dependencies: ["Messages", "Jobs", "Market", "Store", "Samplers", "Analysis", "Shards", "Images", "JSON"],
            path: "Coordinator/Report", swiftSettings: strict),
        .executableTarget(
            name: "apex",
            dependencies: [
                "Messages", "Jobs", "Providers", "Market", "ZeroMQ", "Blobs", "Configuration", "Store",
                "CoordinatorShell", "Report",
                "Planners", "Hardware", "CLinux", "CoordinatorCore", "CZeroMQ", "CSodium", "CSQLite", "CYAML",
                "CDeflate", "JSON", "Studies", "Bars", "Schedules", "Scheduling", "Objectives", "Samplers", "Pruners",
                "Analysis", "Shards", "CHDF5",
                "Retention", "Joining",
            ], path: "Coordinator/Command", swiftSettings: strict),

        // Worker
        .systemLibrary(name: "CCurl", path: "Worker/CCurl", pkgConfig: "libcurl"),
        .target(
            name: "HTTP", dependencies: ["Messages", "Providers", "CCurl"], path: "Worker/HTTP", swiftSettings: strict),
        .target(
            name: "CKernels", path: "Worker/CKernels",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])]),
        .target(
            name: "Kernels", dependencies: ["Messages", "Jobs", "Market", "CKernels"], path: "Worker/Kernels",
            swiftSettings: fast),
        .target(name: "Labels", dependencies: ["Jobs", "Market"], path: "Worker/Labels", swiftSettings: quick),
        .target(
            name: "Datasets", dependencies: ["Messages", "Jobs", "Market", "Blobs", "Shards"],
            path: "Worker/Datasets", swiftSettings: quick),
        .target(
            name: "Charts", dependencies: ["Jobs", "Market", "Images"], path: "Worker/Charts", swiftSettings: fast),
        .target(
            name: "Runners",
            dependencies: [
                "Messages", "Jobs", "Market", "Objectives", "Kernels", "Labels", "Datasets", "CLinux", "Charts",
                "Images", "Shards", "Blobs", "Providers", "HTTP",
            ],
            path: "Worker/Runners", swiftSettings: strict),
        .target(
            name: "Hardware", dependencies: ["Messages", "Blobs", "COpenBLAS", "CLinux"], path: "Worker/Hardware",
            swiftSettings: strict),
        .target(
            name: "WorkerShell",
            dependencies: ["Messages", "Jobs", "ZeroMQ", "Blobs", "Configuration", "Runners", "Hardware", "CLinux"],
            path: "Worker/Shell", swiftSettings: strict),
        .executableTarget(
            name: "apex-worker",
            dependencies: [
                "Messages", "Jobs", "Blobs", "Configuration", "Runners", "WorkerShell", "Hardware", "ZeroMQ", "Joining",
            ],
            path: "Worker/Command", swiftSettings: strict),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["Messages", "Jobs", "Market", "ZeroMQ", "CoordinatorCore"],
            path: "Tests/Support",
            swiftSettings: quick),
        .testTarget(
            name: "ProtocolTests",
            dependencies: ["TestSupport", "Messages", "Jobs", "Market", "ZeroMQ", "Blobs", "Configuration"],
            path: "Tests/ProtocolTests", swiftSettings: strict),
        .testTarget(
            name: "MarketTests", dependencies: ["TestSupport", "Messages", "Market"], path: "Tests/MarketTests",
            resources: [.copy("Golden")], swiftSettings: strict),
        .testTarget(
            name: "ImageTests", dependencies: ["TestSupport", "Images", "CDeflate"], path: "Tests/ImageTests",
            swiftSettings: strict + [.unsafeFlags(["-O"])]),
        .testTarget(
            name: "ChartTests",
            dependencies: [
                "TestSupport", "Messages", "Jobs", "Market", "Blobs", "Shards", "Images", "Charts", "Runners",
                "Planners",
            ], path: "Tests/ChartTests", swiftSettings: strict + [.unsafeFlags(["-O"])]),
        .testTarget(
            name: "ShardTests", dependencies: ["TestSupport", "Messages", "Blobs", "Shards"], path: "Tests/ShardTests",
            swiftSettings: strict),
        .testTarget(
            name: "BarsTests", dependencies: ["TestSupport", "Market", "Store", "Bars", "apex"],
            path: "Tests/BarsTests", swiftSettings: strict),
        .testTarget(
            name: "ProviderTests",
            dependencies: [
                "TestSupport", "Messages", "Jobs", "Market", "Providers", "HTTP", "Planners", "Runners", "Blobs",
                "Bars",
                "Store", "CoordinatorShell", "apex", "apex-worker",
            ], path: "Tests/ProviderTests", swiftSettings: quick),
        .testTarget(
            name: "ScheduleTests",
            dependencies: ["TestSupport", "Market", "Configuration", "Schedules", "Scheduling", "Store", "apex"],
            path: "Tests/ScheduleTests", swiftSettings: strict),
        .testTarget(
            name: "RetentionTests", dependencies: ["Retention", "JSON"], path: "Tests/RetentionTests",
            swiftSettings: strict),
        .testTarget(
            name: "LabelTests",
            dependencies: [
                "TestSupport", "Messages", "Jobs", "Market", "Labels", "Datasets", "Planners", "Runners", "Blobs",
                "Shards", "JSON",
            ],
            path: "Tests/LabelTests", resources: [.copy("Golden")], swiftSettings: quick),
        .testTarget(
            name: "CoreTests",
            dependencies: ["TestSupport", "Messages", "CoordinatorCore", "CoordinatorShell", "Store"],
            path: "Tests/CoreTests", swiftSettings: strict),
        .testTarget(
            name: "SamplerTests", dependencies: ["TestSupport", "Samplers"], path: "Tests/SamplerTests",
            resources: [.copy("Golden")], swiftSettings: strict),
        .testTarget(
            name: "PrunerTests", dependencies: ["TestSupport", "Messages", "Samplers", "Pruners"],
            path: "Tests/PrunerTests", resources: [.copy("Golden")], swiftSettings: quick),
        .testTarget(
            name: "AnalysisTests", dependencies: ["TestSupport", "Jobs", "Samplers", "Analysis"],
            path: "Tests/AnalysisTests", resources: [.copy("Golden")], swiftSettings: quick),
        .testTarget(
            name: "ObjectiveTests", dependencies: ["TestSupport", "Objectives", "Market"],
            path: "Tests/ObjectiveTests", resources: [.copy("Golden")], swiftSettings: quick),
        .testTarget(
            name: "PlannerTests",
            dependencies: ["TestSupport", "Messages", "Jobs", "Market", "Planners", "Runners", "Kernels", "Blobs"],
            path: "Tests/PlannerTests", swiftSettings: quick),
        .testTarget(
            name: "KernelTests",
            dependencies: [
                "TestSupport", "Messages", "Jobs", "Market", "Objectives", "Kernels", "Runners", "Hardware",
            ],
            path: "Tests/KernelTests", resources: [.copy("Golden")],
            swiftSettings: strict + [.unsafeFlags(["-O"])]),  // oracles are slow enough when optimized
        .testTarget(
            name: "StudyTests",
            dependencies: ["TestSupport", "Messages", "Jobs", "Store", "JSON", "Studies", "Report"],
            path: "Tests/StudyTests", exclude: ["optuna_peer.py"], swiftSettings: strict),
        .testTarget(
            name: "ReportTests", dependencies: ["TestSupport", "Messages", "Jobs", "Market", "Store", "Report"],
            path: "Tests/ReportTests", swiftSettings: strict),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "TestSupport", "Messages", "Jobs", "Planners", "ZeroMQ", "Blobs", "Runners", "WorkerShell", "Market",
                "Hardware",
                "apex-worker",
            ], path: "Tests/WorkerTests", swiftSettings: strict),
        .testTarget(
            name: "OutsiderTests", dependencies: ["TestSupport", "Store", "apex", "apex-worker"],
            path: "Tests/OutsiderTests", exclude: ["outsider.py"], swiftSettings: quick),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "TestSupport", "Messages", "Jobs", "Market", "Bars", "Store", "Blobs", "ZeroMQ", "Joining", "JSON",
                "CoordinatorShell",
                "apex", "apex-worker",
            ],
            path: "Tests/ClusterTests",
            exclude: ["stages_outsider.py", "read_charts.py", "load_charts.py", "slurm_stand_in.py"],
            swiftSettings: strict),

        .executableTarget(
            name: "bench",
            dependencies: [
                "Messages", "Jobs", "Market", "Objectives", "Kernels", "Labels", "Samplers", "Pruners", "Analysis",
                "Planners", "Runners", "CoordinatorCore", "TestSupport", "ZeroMQ", "Store", "Studies", "Blobs",
                "Charts", "Images", "Shards", "Bars",
            ],
            path: "bench", exclude: ["RESULTS.md", "peers"], swiftSettings: fast),
    ]
)
