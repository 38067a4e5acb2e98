"""No-op tasks through Ray on two processors: {"tasks", "seconds"}."""
import importlib.util
import json
import sys
import time


def main(count):
    if importlib.util.find_spec("ray") is None:
        print(json.dumps({"missing": "ray"}))
        return
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)

    @ray.remote
    def nothing(number):
        return number

    ray.get([nothing.remote(number) for number in range(1000)])
    began = time.perf_counter()
    answers = ray.get([nothing.remote(number) for number in range(count)])
    seconds = time.perf_counter() - began
    assert answers == list(range(count))
    ray.shutdown()
    print(json.dumps({"tasks": count, "seconds": seconds}))


main(int(sys.argv[1]))
