"""regret_optuna.py SAMPLER TRIALS SEEDS: Optuna's side of `bench regret`, which runs this and answers with the losses.

Reads a space, a line a parameter (`float|int NAME LOW HIGH STEP LOG` or `choice NAME COUNT`, then `when PARENT VALUE…`
if conditional), and an empty line. For each seed from 0 and each trial it prints the values (`-` where inactive) and
reads the loss. After each seed it prints `done SECONDS`, the time spent asking and telling.
"""
import sys
import time
import warnings

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")
kind, trials, seeds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
space = []
for line in sys.stdin:
    words = line.split()
    if not words:
        break
    when = None
    if "when" in words:
        at = words.index("when")
        when = (int(words[at + 1]), [float(w) for w in words[at + 2:]])
    if words[0] == "choice":
        dist = CategoricalDistribution(list(range(int(words[2]))))
    elif words[0] == "int":
        dist = IntDistribution(int(words[2]), int(words[3]), words[5] == "1", int(words[4]))
    else:
        dist = FloatDistribution(float(words[2]), float(words[3]), words[5] == "1", float(words[4]) or None)
    space.append((words[1], dist, when))

if kind == "gp":
    import torch
    torch.set_num_threads(1)
    if not hasattr(torch.device, "__enter__"):
        # Before 2.0 a device is no context; there is only the one.
        import contextlib
        import types
        import optuna.samplers._gp.sampler as gp
        names = {name: getattr(torch, name) for name in dir(torch)}
        gp.torch = types.SimpleNamespace(**{**names, "device": lambda *_: contextlib.nullcontext()})
SAMPLERS = {"tpe": optuna.samplers.TPESampler, "cmaes": optuna.samplers.CmaEsSampler, "gp": optuna.samplers.GPSampler,
            "random": optuna.samplers.RandomSampler}
for seed in range(seeds):
    study = optuna.create_study(sampler=SAMPLERS[kind](seed=seed))
    spent = 0.0
    for number in range(trials):
        start = time.perf_counter()
        trial = study.ask()
        values = []
        for name, dist, when in space:
            if when and values[when[0]] not in when[1]:
                values.append(None)
            else:
                values.append(float(dist.to_internal_repr(trial._suggest(name, dist))))
        spent += time.perf_counter() - start
        print(*("-" if v is None else repr(v) for v in values), flush=True)
        loss = float(sys.stdin.readline())
        start = time.perf_counter()
        study.tell(trial, loss)
        spent += time.perf_counter() - start
    print("done", spent, flush=True)
