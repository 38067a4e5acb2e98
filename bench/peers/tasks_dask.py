"""No-op tasks through Dask's distributed scheduler on two workers of one thread: {"tasks", "seconds"}."""
import importlib.util
import json
import sys
import time


def nothing(number):
    return number


def main(count):
    if importlib.util.find_spec("distributed") is None:
        print(json.dumps({"missing": "distributed"}))
        return
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(nothing, range(1000), pure=False))
        began = time.perf_counter()
        answers = client.gather(client.map(nothing, range(count), pure=False))
        seconds = time.perf_counter() - began
        assert answers == list(range(count))
    print(json.dumps({"tasks": count, "seconds": seconds}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
