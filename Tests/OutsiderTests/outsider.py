"""Compute a weekend again from run.sqlite alone, with TA-Lib: python3 outsider.py RUN/run.sqlite

Prints how many values were compared and how many differ; ends with 1 when any differs beyond 1e-9 relative.
"""
import json
import math
import sqlite3
import sys
from collections import Counter
from statistics import median, pstdev, stdev

import numpy as np
import talib

NAMES = "macd ema rsi breakout adx volatility sma bollinger ema_macd rsi_bollinger".split()
EPSILON = 1e-9
np.seterr(all="ignore")
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
info = dict(db.execute("select key, value from run_info"))
symbols = [s for (s,) in db.execute("select symbol from universe order by order_idx")]
place = {s: i for i, s in enumerate(symbols)}
windows = []
for day in range(1, 6):
    cube = np.full((5, len(symbols), 31), np.nan)
    for row in db.execute(f"select symbol, bar, open, high, low, close, volume from ds_day{day}"):
        cube[:, place[row[0]], row[1] - 1] = row[2:]
    assert not np.isnan(cube).any(), "a bar is missing"
    windows.append(cube)
HITS = [c[3, :, 30] > c[0, :, 30] for c in windows]
series = {}


def indicator(day, name, *arguments):
    """Shape [symbols, 30] for each output, over the 30 signal bars."""
    key = (day, name) + arguments
    if key not in series:
        _, high, low, close, _ = (a[:, :30] for a in windows[day])
        call = getattr(talib, name)
        inputs = {"NATR": 3, "ADX": 3, "PLUS_DI": 3, "MINUS_DI": 3}.get(name, 1)
        rows = []
        for i in range(len(symbols)):
            given = (high[i], low[i], close[i]) if inputs == 3 else (close[i],)
            out = call(*(np.ascontiguousarray(g) for g in given), *arguments)
            rows.append(out if isinstance(out, tuple) else (out,))
        series[key] = [np.array([r[k] for r in rows]) for k in range(len(rows[0]))]
    return series[key]


def above(a, b):
    """a > b (so also b < a), and whether the two are too close to tell."""
    defined = ~(np.isnan(a) | np.isnan(b))
    near = defined & (np.abs(a - b) <= EPSILON * np.maximum(np.maximum(np.abs(a), np.abs(b)), 1))
    return defined & (a > b), near, defined


def trigger(name, p, day):
    """Triggers and near ties at each of the 30 signal bars: shape [symbols, 30]."""
    _, high, low, close, _ = (a[:, :30] for a in windows[day])

    def previous(a, fill=False):
        out = np.full(a.shape, fill, dtype=a.dtype)
        out[:, 1:] = a[:, :-1]
        return out

    def crossing(state, cross):
        on, near, defined = state
        if not cross:
            return on, near
        return on & previous(defined) & ~previous(on), near | previous(near)

    def macd():
        line, signal, _ = indicator(day, "MACD", p["fast"], p["slow"], p["signal"])
        return above(line, signal)

    def bands(period):
        middle = indicator(day, "SMA", period)[0]
        sigma = np.full(close.shape, np.nan)
        for t in range(period - 1, 30):
            sigma[:, t] = close[:, t - period + 1 : t + 1].std(axis=1)
            flat = np.ptp(close[:, t - period + 1 : t + 1], axis=1) == 0
            sigma[flat, t] = 0
        return middle, sigma

    if name == "macd":
        return crossing(macd(), p["mode"] == "cross")
    if name in ("ema", "sma"):
        fast, slow = (indicator(day, name.upper(), p[k])[0] for k in ("fast", "slow"))
        return crossing(above(fast, slow * (1 + p["gap_pct"] / 100)), p["mode"] == "cross")
    if name == "rsi":
        rsi = indicator(day, "RSI", p["period"])[0]
        level = np.full(rsi.shape, float(p["level"]))
        below, over = above(level, rsi), above(rsi, level)
        if p["mode"] == "below":
            return below[:2]
        if p["mode"] == "above":
            return over[:2]
        reached = below[2] & (rsi >= level)
        return previous(below[0]) & reached, below[1] | previous(below[1])
    if name == "breakout":
        source = high if p["source"] == "high" else close
        top = np.full(close.shape, np.nan)
        for t in range(p["period"], 30):
            top[:, t] = source[:, t - p["period"] : t].max(axis=1)
        return above(close, top * (1 + p["buffer_pct"] / 100))[:2]
    if name == "adx":
        adx = indicator(day, "ADX", p["period"])[0]
        level = np.full(adx.shape, float(p["threshold"]))
        _, near, defined = above(adx, level)
        on = defined & (adx >= level)
        if p["direction"] == "up":
            up, tie, _ = above(*(indicator(day, k, p["period"])[0] for k in ("PLUS_DI", "MINUS_DI")))
            on, near = on & up, near | tie
        return on, near
    if name == "volatility":
        natr = indicator(day, "NATR", p["period"])[0]
        low_edge = np.full(natr.shape, p["natr_low"])
        high_edge = low_edge + p["natr_width"]
        _, near_low, defined = above(natr, low_edge)
        _, near_high, _ = above(natr, high_edge)
        past = np.full(close.shape, np.nan)
        past[:, p["period"] :] = close[:, : -p["period"]]
        floor = past * (1 + p["trend_pct"] / 100)
        _, near_trend, known = above(close, floor)
        on = defined & known & (natr >= low_edge) & (natr <= high_edge) & (close >= floor)
        return on, near_low | near_high | near_trend
    if name == "bollinger":
        middle, sigma = bands(p["period"])
        if p["mode"] == "above":
            on, near, _ = above(close, middle + p["k"] * sigma)
            return on & (sigma > 0), near & (sigma > 0)
        lower = middle - p["k"] * sigma
        on, near, defined = above(lower, close)
        if p["mode"] == "below":
            return on & (sigma > 0), near & (sigma > 0)
        back = defined & (close >= lower) & (sigma > 0)
        return previous(on) & back, near | previous(near)
    if name == "ema_macd":
        on, near, _ = above(close, indicator(day, "EMA", p["ema"])[0])
        on_macd, near_macd, _ = macd()
        return on & on_macd, near | near_macd
    rsi = indicator(day, "RSI", p["rsi_period"])[0]
    on, near, _ = above(np.full(rsi.shape, float(p["level"])), rsi)
    middle, sigma = bands(p["bb_period"])
    under, tie, _ = above(middle + p["k"] * sigma, close)
    return on & under & (sigma > 0), near | (tie & (sigma > 0))


def buys_of(name, p, day):
    on, near = trigger(name, p, day)
    last = slice(30 - p["lookback"], 30)
    bought, doubtful = on[:, last].any(axis=1), near[:, last].any(axis=1)
    if p["volume"] == "confirm":
        volume = windows[day][4][:, :30]
        mean = volume[:, 29 - p["volume_period"] : 29].mean(axis=1)
        sure, tie, _ = above(volume[:, 29], p["volume_multiple"] * mean)
        bought, doubtful = bought & sure, doubtful | tie
    moving = np.ptp(windows[day][3][:, :30], axis=1) > 0
    return bought & moving, doubtful & moving


def wilson(hits, buys, z=1.96):
    if not buys:
        return 0.0
    share = hits / buys
    spread = z * math.sqrt(share * (1 - share) / buys + z * z / (4 * buys * buys))
    return 100 * (share + z * z / (2 * buys) - spread) / (1 + z * z / buys)


def iqr_of(pp):
    return sorted(pp)[3] - sorted(pp)[1]


def metrics_of(bought, hits):
    """bought: five lists of tickers; hits: five sets."""
    b = [len(x) for x in bought]
    h = [len(set(x) & hits[d]) for d, x in enumerate(bought)]
    pp = [100 * y / x if x else 0.0 for x, y in zip(b, h)]
    times = Counter(s for x in bought for s in x)
    mid = median(pp)
    m = {
        "pooled_buys": sum(b), "pooled_hits": sum(h), "pooled_pp": 100 * sum(h) / sum(b) if sum(b) else 0.0,
        "median_pp": mid, "mad": median(abs(x - mid) for x in pp), "iqr": iqr_of(pp), "range": max(pp) - min(pp),
        "buycount_median": median(b), "buycount_cv": 100 * stdev(b) / (sum(b) / 5) if sum(b) else 0.0,
        "wilson_lb": wilson(sum(h), sum(b)),
        "ew_pp": sum(w * x for w, x in zip((0.03, 0.07, 0.15, 0.25, 0.50), pp)),
        "repeat_rate": 100 * sum(c >= 2 for c in times.values()) / len(times) if times else 0.0,
        "top10_share": 100 * sum(c for _, c in times.most_common(10)) / sum(b) if sum(b) else 0.0,
        "min_daily_hits": min(h),
    }
    score = (
        0.55 * mid + 0.20 * (100 - m["mad"]) + 0.10 * (100 - m["buycount_cv"]) + 0.10 * (100 - m["repeat_rate"])
        + 0.05 * m["wilson_lb"] - 0.05 * m["top10_share"] + 0.02 * m["min_daily_hits"]
    )
    gated = m["pooled_buys"] < 10 or m["min_daily_hits"] < 4
    m["stability_score"] = 0.0 if gated else max(0.0, score)
    return m


def group_of(consensus, hits, bases):
    """Score and figures of a group from its five consensus sets; the last tells whether it is retained."""
    b = [len(x) for x in consensus]
    h = [len(x & hits[d]) for d, x in enumerate(consensus)]
    if min(h) < 8:
        return None, {}, False
    pp = [100 * y / x for x, y in zip(b, h)]
    mid, m = median(pp), sum(b) / 5
    cv, mad5, iqr = stdev(b) / m, sum(abs(x - mid) for x in pp) / 5, iqr_of(pp)
    weights = [min(1.5, max(0.5, 1 + 0.02 * (sum(bases) / 5 - x))) for x in bases]
    slope = sum((d - 2) * x for d, x in enumerate(pp)) / 10
    rf = sum(b) / len(set().union(*consensus))
    lower, pooled = wilson(sum(h), sum(b)), 100 * sum(h) / sum(b)
    if m <= 0:
        sweet = -15
    elif m < 7:
        sweet = -3 * (7 - m)
    elif m <= 14:
        sweet = 2 * (m - 7)
    elif m <= 18:
        sweet = 2 * (18 - m)
    else:
        sweet = -4 * (m - 18)
    score = (
        0.60 * sum(x * w for x, w in zip(pp, weights)) / 5 + 0.25 * mid + 0.15 * sorted(pp)[1] + 0.80 * lower
        + 6 * math.log(1 + min(m, 25)) + sweet - 0.5 * max(0, m - 25) - 6 * max(0, max(b) - 20) ** 2
        + 3 * max(0, slope) - 0.25 * mad5 - 0.18 * iqr - 10 * cv - 6 * max(0, -slope) - 25 * max(0, rf - 1.2) ** 2
    )
    retained = pooled >= 50 and max(b) <= 20 and mad5 <= 25 and iqr <= 45 and cv <= 0.80 and lower >= 10
    figures = {
        "pooled_pp": pooled, "pooled_buys": sum(b), "pooled_hits": sum(h), "median_pp": mid, "mad": mad5, "iqr": iqr,
        "cv": cv, "wilson_lb": lower, "slope": slope, "rf": rf, "mean_buys": m, "second_worst_pp": sorted(pp)[1],
        "weighted_pp": sum(x * w for x, w in zip(pp, weights)) / 5, "day_pp": pp,
    }
    return score, figures, retained


def close_to(a, b):
    return abs(a - b) <= EPSILON * max(abs(a), abs(b), 1)


def rows_of(table):
    cursor = db.execute(f"select * from {table} order by rowid")
    names = [c[0] for c in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def options(name, key):
    """How many options a number has: the ranges of the ten algorithms."""
    tenths = {"volume_multiple": (0.8, 2.0), "gap_pct": (-2, 2), "buffer_pct": (-4, 2), "natr_low": (0.2, 5),
              "natr_width": (0.2, 6), "trend_pct": (-5, 5), "k": (-2.5, 2.5) if name == "rsi_bollinger" else (0.5, 2.5)}
    whole = {"lookback": (1, 8), "volume_period": (5, 20), "signal": (3, 9), "level": (20, 80), "threshold": (10, 60),
             "ema": (3, 20), "rsi_period": (2, 14), "bb_period": (4, 20),
             "fast": (2, 10) if name in ("ema", "sma") else (3, 12),
             "slow": (4, 25) if name in ("ema", "sma") else (6, 21),
             "period": {"breakout": (2, 20), "adx": (2, 11), "bollinger": (4, 20)}.get(name, (2, 14))}
    low, high = tenths.get(key) or whole[key]
    return round((high - low) * (10 if key in tenths else 1)) + 1, 0.1 if key in tenths else 1


wrong = Counter()
near_ties = compared = values = 0
tickers_hit = [{symbols[i] for i in np.flatnonzero(h)} for h in HITS]
everything = {}
for name in NAMES:
    for number, row in enumerate(rows_of(name), 1):
        p = json.loads(row["params_json"])
        assert row["identifier"] == f"{name}.{number}", row["identifier"]
        bought = [json.loads(row[f"day{d}_buys_json"]) for d in range(1, 6)]
        everything[row["identifier"]] = [set(x) for x in bought]
        for day in range(5):
            assert bought[day] == sorted(set(bought[day])), "not sorted"
            mine, doubtful = buys_of(name, p, day)
            theirs = np.zeros(len(symbols), dtype=bool)
            theirs[[place[s] for s in bought[day]]] = True
            compared += len(symbols)
            differ = mine != theirs
            near_ties += int((differ & doubtful).sum())
            bad = np.flatnonzero(differ & ~doubtful)
            wrong["buys"] += len(bad)
            if len(bad) and wrong["buys"] < 20:
                print("buys", row["identifier"], day + 1, symbols[bad[0]], bool(theirs[bad[0]]), p)
        for key, value in metrics_of(bought, tickers_hit).items():
            values += 1
            if not close_to(row[key], value):
                wrong["metric " + key] += 1
    print(f"{name}: {number} variations; so far {compared} decisions, {near_ties} near ties", flush=True)
    series.clear()

kept_total = Counter()
for name in NAMES:
    rows, kept = {r["identifier"]: r for r in rows_of(name)}, rows_of(f"pruned_{name}")
    for row in kept:
        kept_total[name] += 1
        wrong["pruned row differs"] += row != {k: rows[row["identifier"]].get(k) for k in row}
        wrong["pruned ineligible"] += not (
            row["stability_score"] > 0 and row["median_pp"] > 0 and not (row["mad"] > 25 and row["range"] > 80))
    wrong["pruned cap"] += len(kept) > (250 if name in ("macd", "ema", "breakout") else 100)
    same = Counter(tuple(r[f"day{d}_buys_json"] for d in range(1, 6)) for r in kept)
    wrong["pruned duplicates"] += sum(c - 1 for c in same.values())
    clones = 0
    parameters = [json.loads(r["params_json"]) for r in kept]
    for i, a in enumerate(kept):
        for j in range(i):
            newest = [everything[kept[k]["identifier"]][4] for k in (i, j)]
            overlap = len(newest[0] & newest[1]) / max(1, *(len(x) for x in newest))
            alike = 0
            for key, value in parameters[i].items():
                other = parameters[j][key]
                if isinstance(value, str):
                    alike += value == other
                else:
                    count, step = options(name, key)
                    reach = 0 if count <= 10 else 1 if count <= 40 else 2 if count <= 150 else 3
                    alike += round(abs(value - other) / step) <= reach
            clones += 2 * alike > len(parameters[i]) and overlap >= 0.60
    wrong["pruned near clones"] += clones
wrong["pruned cap in all"] += sum(kept_total.values()) > 1300
print("pruned:", dict(kept_total), sum(kept_total.values()))

bases = [100 * float(h.sum()) / len(symbols) for h in HITS]
candidates = rows_of("candidate_groups")
for table, rows in (("candidate", candidates), ("final", rows_of("final_groups"))):
    for row in rows:
        members = json.loads(row["members_json"])
        order = [NAMES.index(x.split(".")[0]) for x in members]
        wrong[f"{table} order"] += order != sorted(set(order)) or len(members) != row["group_size"]
        consensus = [set.intersection(*(everything[x][d] for x in members)) for d in range(5)]
        stored = json.loads(row["day_buys_json"])
        wrong[f"{table} buys"] += stored != [sorted(x) for x in consensus]
        score, figures, retained = group_of(consensus, tickers_hit, bases)
        wrong[f"{table} not retained"] += not retained
        if score is None:
            continue
        values += 1
        wrong[f"{table} score"] += not close_to(score, row["score"])
        wrong[f"{table} day_pp"] += not all(map(close_to, json.loads(row["day_pp_json"]), figures.pop("day_pp")))
        for key in figures.keys() & row.keys():
            values += 1
            wrong[f"{table} {key}"] += not close_to(figures[key], row[key])
        unknown = sorted(figures.keys() - row.keys())
print("groups' figures that have no column of that name:", unknown if candidates else "no groups")


def key_of(row):
    members = [(NAMES.index(a), int(b)) for a, b in (x.split(".") for x in json.loads(row["members_json"]))]
    return (-row["score"], members)


for size in sorted({r["group_size"] for r in candidates}):
    best = [r for r in candidates if r["group_size"] == size]
    wrong["candidates' order"] += best != sorted(best, key=key_of)
    wrong["more than 1,000"] += len(best) > 1000
    pps = [json.loads(r["day_pp_json"]) for r in best]
    stable = [sum(x) / 5 - 1.5 * pstdev(x) for x in pps]
    floor = sorted(stable)[math.floor(0.6 * (len(best) - 1))]
    scores = [r["score"] for r, s in zip(best, stable) if s >= floor]
    target = sum(scores) / len(scores) + (stdev(scores) if len(scores) > 1 else 0)
    pool = [r for r, s in zip(best, stable) if s >= floor and r["score"] >= target]
    chosen = min(pool, key=lambda r: r["score"]) if pool else best[0]
    final = [r for r in rows_of("final_groups") if r["group_size"] == size]
    picked = [r["members_json"] for r in final if r["chosen"] == 1]
    wrong["chosen"] += picked != [chosen["members_json"]]
    wrong["best is missing"] += best[0]["members_json"] not in [r["members_json"] for r in final]
    print(f"size {size}: {len(best)} groups, chosen {chosen['score']:.6f}, best {best[0]['score']:.6f}")

# Every choice of at most one variation from an algorithm, by size: the coefficients of the product of (1 + n·x).
ways = [1]
for name in NAMES:
    ways = [a + kept_total[name] * b for a, b in zip(ways + [0], [0] + ways)]
largest = max((r["group_size"] for r in candidates), default=4)
space = sum(ways[1 : largest + 1])
seen = {k: int(info[k]) for k in ("nodes_visited", "nodes_cut", "nodes_space")}
print("nodes in closed form", space, seen)
wrong["nodes"] += seen["nodes_space"] != space
wrong["nodes visited + cut"] += info["proved"] == "true" and seen["nodes_visited"] + seen["nodes_cut"] != space
wrong = {k: v for k, v in wrong.items() if v}
print(f"{compared} buy decisions ({near_ties} differ at near ties), {values} numbers; wrong: {wrong or 'nothing'}")
sys.exit(1 if wrong else 0)
