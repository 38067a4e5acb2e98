"""tpe_optuna.py TRIALS SUGGESTIONS: Optuna's milliseconds per suggestion after TRIALS finished trials, then the suggestions.

The space, the trials and the score are those of bench/Samplers.swift, which runs this.
"""
import sys
import time
import optuna
from optuna.distributions import CategoricalDistribution as C, FloatDistribution as F, IntDistribution as I

optuna.logging.set_verbosity(optuna.logging.ERROR)
SPACE = {"decay": F(1e-6, 1e-1, log=True), "gap": F(-2, 2, step=0.1), "kind": C([0, 1, 2, 3]), "period": I(2, 200),
         "units": I(1, 1024, log=True), "x": F(-5, 5)}
state = 42


def draw():
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 11) / 2.0**53


def score(p):
    return p[0] * 10 + p[1] * p[1] + p[2] + (p[3] - 50) * (p[3] - 50) / 1000 + p[4] / 512 + p[5] * p[5]


count, suggestions = int(sys.argv[1]), int(sys.argv[2])
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
trials = []
for _ in range(count):
    units = 1 + int(draw() * 1024)
    p = [1e-6 + draw() * 0.09, -2 + int(draw() * 41) * 0.1, int(draw() * 4), 2 + int(draw() * 199), units,
         -5 + draw() * 10]
    trials.append(optuna.trial.create_trial(params=dict(zip(SPACE, p)), distributions=SPACE, value=score(p)))
study.add_trials(trials)
points, spent = [], 0.0
for _ in range(suggestions):
    start = time.perf_counter()
    trial = study.ask(SPACE)
    spent += time.perf_counter() - start
    point = [float(trial.params[name]) for name in SPACE]
    study.tell(trial, score(point))
    points.append(point)
print(spent / suggestions * 1000)
for point in points:
    print(*map(repr, point))
