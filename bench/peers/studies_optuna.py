"""Trials a second of one Optuna process that stores them in SQLite: the test function hartmann6, points at random.

    studies_optuna.py TRIALS
"""
import math
import os
import sys
import tempfile
import time

import optuna

A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P = [[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
     [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]]
ALPHA = [1.0, 1.2, 3.0, 3.2]


def objective(trial):
    x = [trial.suggest_float(f"x{at}", 0, 1) for at in range(1, 7)]
    return -sum(alpha * math.exp(-sum(a * (v - p) ** 2 for a, v, p in zip(row, x, place)))
                for alpha, row, place in zip(ALPHA, A, P))


optuna.logging.set_verbosity(optuna.logging.ERROR)
count = int(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    study = optuna.create_study(storage="sqlite:///" + os.path.join(folder, "studies.db"),
                                sampler=optuna.samplers.RandomSampler(seed=1))
    start = time.perf_counter()
    study.optimize(objective, n_trials=count)
    print(count / (time.perf_counter() - start))
