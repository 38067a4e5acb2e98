"""What Optuna and its dashboard make of our files, and files of Optuna's for us to read.

    optuna_peer.py show FILE STUDY            every trial of an SQLite file, one JSON line each
    optuna_peer.py follow FILE STUDY COUNT    the same, twice: at once, and when COUNT trials are over
    optuna_peer.py journal FILE STUDY         every trial of a journal file
    optuna_peer.py extend FILE STUDY          Optuna goes on with the study: asks, tells, enqueues
    optuna_peer.py dashboard FILE             what optuna-dashboard serves of it, as counts
    optuna_peer.py write FILE                 makes studies; prints their trials as `show` does
    optuna_peer.py hold FILE SECONDS          holds the file's lock for writing

Numbers are printed as the bits of a double, so that equal means equal.
"""
import io
import json
import random
import struct
import sys
import time
import warnings

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution, distribution_to_json
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


def bits(number):
    return struct.pack(">d", float(number) + 0.0).hex()


def value(it):
    if it is None:
        return "null"
    if isinstance(it, bool):
        return "true" if it else "false"
    if isinstance(it, int):
        return f"int {it}"
    if isinstance(it, float):
        return f"float {bits(it)}"
    return f"text {it}"


def facts(trial):
    lines = [f"number {trial.number}", f"state {trial.state.name}"]
    lines += [f"value {at} {bits(v)}" for at, v in enumerate(trial.values or [])]
    lines += [f"param {name} {value(v)}" for name, v in trial.params.items()]
    lines += [f"report {step} {bits(v)}" for step, v in trial.intermediate_values.items()]
    for name, v in trial.user_attrs.items():
        lines.append(f"attr {name} " + json.dumps(v, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
    for name, v in trial.system_attrs.items():
        if name == "fixed_params":
            lines += [f"fixed {key} {value(one)}" for key, one in v.items()]
        elif isinstance(v, (int, float)):
            lines.append(f"system {name} {bits(v)}")
    if trial.datetime_start is not None:
        lines.append(f"start {trial.datetime_start:%Y-%m-%d %H:%M:%S.%f}")
    if trial.datetime_complete is not None:
        lines.append(f"end {trial.datetime_complete:%Y-%m-%d %H:%M:%S.%f}")
    return sorted(lines)


def show(study):
    for trial in study.trials:
        distributions = {name: json.loads(distribution_to_json(d)) for name, d in trial.distributions.items()}
        print(json.dumps({"facts": facts(trial), "distributions": distributions}), flush=True)


def load(path, name):
    return optuna.load_study(study_name=name, storage=f"sqlite:///{path}")


def follow(path, name, count):
    study = load(path, name)
    show(study)
    print("---", flush=True)
    end = time.monotonic() + 60
    while sum(t.state.is_finished() for t in study.trials) < count and time.monotonic() < end:
        time.sleep(0.02)
    show(study)


def extend(path, name):
    study = load(path, name)
    study.sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=5)
    space = {}
    for trial in study.trials:
        space.update(trial.distributions)
    for number in range(6):
        trial = study.ask(space)
        trial.report(0.5, 1)
        trial.set_user_attr("by", "optuna")
        study.tell(trial, [0.25 * number] * len(study.directions))
    study.enqueue_trial({"layers": 3})
    trial = study.ask(space)
    assert trial.params["layers"] == 3, trial.params
    study.tell(trial, state=TrialState.FAIL)
    numbers = [t.number for t in study.trials]
    assert numbers == list(range(len(numbers))), numbers
    print(json.dumps({"trials": len(numbers), "best": [t.number for t in study.best_trials]}))


def journal(path, name):
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    study = optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(path)))
    show(study)


def dashboard(path):
    from optuna_dashboard import wsgi

    app = wsgi(f"sqlite:///{path}")

    def get(where):
        answer = {}
        where, _, query = where.partition("?")

        def start(status, headers, info=None):
            answer["status"] = status

        environment = {
            "REQUEST_METHOD": "GET", "PATH_INFO": where, "QUERY_STRING": query, "SERVER_NAME": "localhost",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http", "wsgi.version": (1, 0), "wsgi.multithread": False, "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        body = b"".join(app(environment, start))
        assert answer["status"].startswith("200"), (where, answer["status"], body[:500])
        return body

    get("/dashboard/")
    studies = json.loads(get("/api/studies"))["study_summaries"]
    result = []
    for study in studies:
        number = study["study_id"]
        detail = json.loads(get(f"/api/studies/{number}?after=0"))
        rows = get(f"/csv/{number}").decode().strip().split("\n")
        result.append({
            "name": study["study_name"], "directions": study["directions"], "trials": len(detail["trials"]),
            "rows": len(rows) - 1, "states": sorted({trial["state"] for trial in detail["trials"]}),
        })
    print(json.dumps({"studies": result}))


def write(path):
    """One study of each kind of thing that a reader may meet."""
    chance = random.Random(5)
    storage = f"sqlite:///{path}"
    choices = ["sgd", None, True, 3, 0.5, 'a"b\\ü']
    study = optuna.create_study(storage=storage, study_name="one", directions=["maximize"],
                                sampler=optuna.samplers.RandomSampler(seed=3))

    def constraints(trial):
        return [trial.number - 10.5, -1.0]

    study.sampler = optuna.samplers.TPESampler(seed=3, constraints_func=constraints)
    for number in range(30):
        trial = study.ask()
        opt = trial.suggest_categorical("opt", choices)
        # A range that varies.
        trial.suggest_float("x", -1.0 - number % 3, 2.0 + number % 2)
        trial.suggest_float("lr", 1e-5, 0.1, log=True)
        trial.suggest_float("drop", 0.0, 1.0, step=0.25)
        trial.suggest_int("n", 1, 9 + number % 4, step=2)
        trial.suggest_int("w", 1, 512, log=True)
        if opt == "sgd":
            trial.suggest_float("momentum", 0.0, 0.99)
        trial.set_user_attr("note", {"b": [1, 2.5, None], "a": "ü"})
        for step in range(number % 4):
            trial.report([chance.gauss(0, 1), float("nan"), float("inf")][step % 3], step * 2)
        if number % 7 == 3:
            study.tell(trial, state=TrialState.PRUNED)
        elif number % 7 == 5:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, float("-inf") if number == 8 else chance.gauss(0, 1))
    study.enqueue_trial({"x": 0.0, "opt": "sgd"})
    study.ask()
    study.enqueue_trial({"x": 0.5})
    two = optuna.create_study(storage=storage, study_name="two objectives", directions=["minimize", "maximize"])
    two.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("k", 0, 3)), n_trials=12)
    optuna.create_study(storage=storage, study_name="empty")
    for name in ["one", "two objectives"]:
        show(load(path, name))
        print("---", flush=True)


def hold(path, seconds):
    import sqlite3

    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    time.sleep(float(seconds))
    connection.execute("ROLLBACK")


if __name__ == "__main__":
    mode, *words = sys.argv[1:]
    if mode == "version":
        print(optuna.__version__)
    elif mode == "show":
        show(load(*words))
    elif mode == "follow":
        follow(words[0], words[1], int(words[2]))
    else:
        {"journal": journal, "extend": extend, "dashboard": dashboard, "write": write, "hold": hold}[mode](*words)
