"""tpe_peer.py optuna|rustuna mixed|floats TRIALS SUGGESTIONS: processor milliseconds per suggestion after TRIALS finished trials.

Then the suggestions. Spaces, trials and scores are those of bench/Samplers.swift, which runs this.
"""
import importlib
import sys
import time

tool, name, count, suggestions = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
library = importlib.import_module(tool)
D = importlib.import_module(tool + ".distributions")
F, I, C = D.FloatDistribution, D.IntDistribution, D.CategoricalDistribution
MIXED = {"decay": F(1e-6, 1e-1, log=True), "gap": F(-2, 2, step=0.1), "kind": C([0, 1, 2, 3]), "period": I(2, 200),
         "units": I(1, 1024, log=True), "x": F(-5, 5)}
FLOATS = {f"x{at:02}": F(-5, 5) for at in range(40)}
SPACE = MIXED if name == "mixed" else FLOATS
state = 42


def draw():
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 11) / 2.0**53


def point():
    if name == "floats":
        return [-5 + draw() * 10 for _ in range(40)]
    return [1e-6 + draw() * 0.09, -2 + int(draw() * 41) * 0.1, int(draw() * 4), 2 + int(draw() * 199),
            1 + int(draw() * 1024), -5 + draw() * 10]


def score(p):
    if name == "floats":
        total = 0.0
        for v in p:
            total += v * v
        return total
    return p[0] * 10 + p[1] * p[1] + p[2] + (p[3] - 50) * (p[3] - 50) / 1000 + p[4] / 512 + p[5] * p[5]


if tool == "optuna":
    library.logging.set_verbosity(library.logging.ERROR)
    study = library.create_study(sampler=library.samplers.TPESampler(seed=1))
else:
    study = library.create_study(sampler=library.samplers.TPESampler(seed=1, multivariate=True))
trials = []
for _ in range(count):
    p = point()
    trials.append(library.create_trial(params=dict(zip(SPACE, p)), distributions=SPACE, value=score(p)))
if hasattr(study, "add_trials"):
    study.add_trials(trials)
else:
    for trial in trials:
        study.add_trial(trial)


def ask():
    """A trial and its values."""
    trial = study.ask()
    p = []
    for key in SPACE:
        if key == "kind":
            p.append(trial.suggest_categorical(key, [0, 1, 2, 3]))
        elif key == "period":
            p.append(trial.suggest_int(key, 2, 200))
        elif key == "units":
            p.append(trial.suggest_int(key, 1, 1024, log=True))
        elif key == "decay":
            p.append(trial.suggest_float(key, 1e-6, 1e-1, log=True))
        elif key == "gap":
            p.append(trial.suggest_float(key, -2, 2, step=0.1))
        else:
            p.append(trial.suggest_float(key, -5, 5))
    return trial, [float(v) for v in p]


points, spent = [], 0.0
for _ in range(suggestions):
    start = time.process_time()
    trial, p = ask()
    spent += time.process_time() - start
    study.tell(trial if tool == "optuna" else trial.number, score(p))
    points.append(p)
print(spent / suggestions * 1000)
for p in points:
    print(*map(repr, p))
