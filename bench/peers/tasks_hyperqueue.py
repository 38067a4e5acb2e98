"""Runs of the program true through HyperQueue on a worker of two cores: {"tasks", "seconds"}."""
import importlib.util
import json
import os
import sys
import tempfile
import time


def main(count):
    if importlib.util.find_spec("hyperqueue") is None:
        print(json.dumps({"missing": "hyperqueue"}))
        return
    from hyperqueue import Job
    from hyperqueue.cluster import LocalCluster, WorkerConfig

    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=2))
        client = cluster.client()
        job = Job()
        for _ in range(count):
            job.program(args=["true"])
        began = time.perf_counter()
        client.wait_for_jobs([client.submit(job)])
        seconds = time.perf_counter() - began
    print(json.dumps({"tasks": count, "seconds": seconds}))


# Each task leaves its output as two files where it was submitted.
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main(int(sys.argv[1]))
    os.chdir("/")
