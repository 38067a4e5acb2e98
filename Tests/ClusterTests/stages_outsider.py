"""A three-stage study of algorithm:sma once more, slowly and from the definitions: every score, what was promoted, and
the candidates. Usage: stages_check.py BARS.csv.gz TRIALS.json CREATED.json, of `apex study trials NAME --json` and of
`apex study create … --json`."""
import csv, gzip, json, sys
from decimal import Decimal

rows = {}
for r in csv.DictReader(gzip.open(sys.argv[1], "rt")):
    try:
        bar = (r["date"], *(float(r[k]) for k in ("open", "high", "low", "close", "volume")))
    except (TypeError, ValueError):  # a broken row; symbols with a bar on every day have their own
        continue
    if None not in r and bar[3] > 0 and bar[5] >= 0 and bar not in rows.setdefault(r["symbol"], []):
        rows[r["symbol"]].append(bar)
for bars in rows.values():
    bars.sort()
trials = json.load(open(sys.argv[2]))["trials"]
stages = json.load(open(sys.argv[3]))["stages"]
CAPITAL, BPS, COLLAR = 100_000, 5, 3

def mean(x):
    return sum(x) / len(x)

def buys(window, p):
    close, volume = [b[4] for b in window], [b[5] for b in window]
    if len(set(close)) == 1:
        return False
    gap = float(Decimal(str(round(p["gap_pct"], 1))))
    def above(t):
        if t + 1 < p["slow"]:
            return None
        return mean(close[t + 1 - p["fast"]:t + 1]) > mean(close[t + 1 - p["slow"]:t + 1]) * (1 + gap / 100)
    def trigger(t):
        if p["mode"] == "above":
            return above(t) is True
        return above(t) is True and above(t - 1) is False
    if not any(trigger(t) for t in range(30 - p["lookback"], 30)):
        return False
    if p["volume"] == "confirm":
        n = p["volume_period"]
        return volume[29] > round(p["volume_multiple"], 1) * mean(volume[29 - n:29])
    return True

def score(stage, p):
    first, last = stages[stage]["window"].split("..")
    total = 0.0
    for symbol in stages[stage]["symbols"]:
        bars = rows[symbol]
        equity, pnl, cost, orders, refused = [0.0], 0.0, 0.0, 0, 0
        for d, bar in enumerate(bars):
            if first <= bar[0] <= last and buys(bars[d - 30:d], p):
                orders += 1
                before, o, c = bars[d - 1][4], bar[1], bar[4]
                if abs(o / before - 1) > COLLAR / 100:
                    refused += 1
                    continue
                shares = CAPITAL / o
                pnl += shares * c - CAPITAL
                cost += (CAPITAL + shares * c) * BPS / 10_000
                equity.append(pnl - cost)
        deepest = max(max(equity[:i + 1]) - e for i, e in enumerate(equity))
        total += pnl - cost - deepest
    return total / len(stages[stage]["symbols"])

worst = 0.0
for t in trials:
    worst = max(worst, abs(t["value"] - (score(t["attributes"]["apex:stage"], t["params"]) if t["constraints"]["infeasible"] == 0 else 0)))
print(f"{len(trials)} scores, largest difference {worst:.2e}")
assert worst < 1e-6
of = {s: [t for t in trials if t["attributes"]["apex:stage"] == s] for s in stages}
for a, b in (("coarse", "refine"), ("refine", "forward")):
    seen, best, metrics = [], [], []
    order = sorted((t for t in of[a] if t["constraints"]["infeasible"] == 0), key=lambda t: (-t["value"], t["number"]))
    for may_repeat in (False, True):  # what reported the same as another waits for what did not
        for t in order:
            said = {k: v for k, v in t["attributes"].items() if not k.startswith("apex:")}
            if t["params"] not in seen and len(best) < stages[b]["promoted"] and (may_repeat or said not in metrics):
                seen.append(t["params"])
                best.append(t["number"])
                metrics.append(said)
    assert [t["attributes"].get("apex:promoted_from") for t in of[b]][:len(best)] == best, (a, b)
    assert [t["params"] for t in of[b]][:len(best)] == seen
    print(f"{a} -> {b}: {len(best)} promoted, the same")
held = [t["number"] for t in of["forward"] if t["value"] > 0]
assert held == [t["number"] for t in trials if t["attributes"].get("apex:candidate")]
print(f"candidates: {held}")
