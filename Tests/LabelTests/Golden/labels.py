"""Labels computed a second time, in plain Python with pandas and exchange_calendars, looking at every bar of every event.

    python3 -m venv v && v/bin/pip install exchange_calendars && v/bin/python labels.py ../../Fixtures > labels.txt

Lines: `row FILE SYMBOL MINUTES` and the columns below in their order; `rejected FILE SYMBOL MINUTES REASON COUNT`.
Events are every STRIDES[minutes]-th bar.
"""
import csv
import gzip
import math
import sys
from collections import Counter, defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas

NEW_YORK = ZoneInfo("America/New_York")
STRIDES = {1: 37, 5: 11, 15: 3, 60: 1, 1440: 1}
schedule = exchange_calendars.get_calendar("XNYS", start="2016-01-04", end="2025-12-31").schedule
SESSIONS = [
    (int(day.strftime("%Y%m%d")), int(row["open"].timestamp()) * 1000, int(row["close"].timestamp()) * 1000)
    for day, row in schedule.iterrows()
]
POSITION = {date: at for at, (date, _, _) in enumerate(SESSIONS)}


def resample(bars, minutes):
    """bars: list of (start, open, high, low, close, volume), each in a session."""
    groups = {}
    for bar in bars:
        date = int(datetime.fromtimestamp(bar[0] / 1000, NEW_YORK).strftime("%Y%m%d"))
        _, opens, closes = SESSIONS[POSITION[date]]
        start = opens + (bar[0] - opens) // (minutes * 60000) * (minutes * 60000)
        groups.setdefault((date, start, min(start + minutes * 60000, closes)), []).append(bar)
    return [
        dict(date=date, start=start, end=end, open=g[0][1], high=max(b[2] for b in g), low=min(b[3] for b in g),
             close=g[-1][4], volume=sum(b[5] for b in g))
        for (date, start, end), g in sorted(groups.items())
    ]


def regime(window):
    c = [b["close"] for b in window[-31:]]
    h = [b["high"] for b in window[-31:]]
    low = [b["low"] for b in window[-31:]]
    returns = pandas.Series(c).pct_change().tolist()[1:]
    change = c[-1] / c[-6] - 1
    before = pandas.Series(returns[-25:-5])
    if change < 0 and change <= -4 * before.std() * math.sqrt(5):
        return "crash"
    if max(h[-10:]) - min(low[-10:]) <= 0.35 * (max(h[-30:-10]) - min(low[-30:-10])):
        return "squeeze"
    way = sum(abs(c[i] - c[i - 1]) for i in range(11, 31))
    if abs(c[-1] - c[-21]) >= 0.4 * way and c[-1] != c[-21]:
        return "trend_up" if c[-1] > c[-21] else "trend_down"
    return "chop"


def tier(runup, drawdown, five):
    e = 1e-12
    if runup >= 0.2 - e and drawdown >= -0.05 - e:
        return "A_PLUS"
    if runup >= 0.1 - e and drawdown >= -0.07 - e:
        return "A"
    if runup >= 0.05 - e and drawdown >= -0.1 - e:
        return "B"
    return "D" if five <= -0.05 + e else "C"


def label(series, at, finest, daily, deviations, until):
    event = series[at]
    if at < 30:
        return "short_window"
    window = series[at - 30:at + 1]
    if max(b["high"] for b in window) == min(b["low"] for b in window):
        return "one_price"
    if not any(b["volume"] > 0 for b in window):
        return "zero_volume"
    known = [i for i, bar in enumerate(daily) if bar["end"] <= event["end"]]
    if len(known) < 21 or not deviations[known[-1]] > 0:
        return "unknown_volatility"
    sigma = deviations[known[-1]]
    turnover = sum(daily[i]["close"] * daily[i]["volume"] for i in known[-20:]) / 20
    position = POSITION[event["date"]]
    ahead = SESSIONS[position + 1:position + 11]
    if ahead[-1][2] > until:
        return "not_elapsed"
    by_date = {bar["date"]: bar for bar in daily}
    path = [b for b in finest if b["start"] >= event["end"]]
    if not path or path[0]["date"] > ahead[0][0] or any(day[0] not in by_date for day in ahead):
        return "missing_bar"
    entry = path[0]["open"]
    returns = [by_date[ahead[h - 1][0]]["close"] / entry - 1 for h in (1, 3, 5, 10)]
    five = [b for b in path if b["start"] < ahead[4][2]]
    high, low = max(b["high"] for b in five), min(b["low"] for b in five)
    peak = next(b for b in five if b["high"] == high)
    upper, lower = entry * (1 + 2 * sigma), entry * (1 - 2 * sigma)
    side, ambiguous, ended, left = 0, 0, ahead[4][2], five[-1]["close"]
    for bar in five:
        if bar["high"] >= upper or bar["low"] <= lower:
            ended = bar["end"]
            if bar["open"] >= upper:
                side, left = 1, bar["open"]
            elif bar["open"] <= lower:
                side, left = -1, bar["open"]
            elif bar["low"] <= lower:
                side, left, ambiguous = -1, lower, int(bar["high"] >= upper)
            else:
                side, left = 1, upper
            break
    runup, drawdown = high / entry - 1, low / entry - 1
    direction = 0 if abs(returns[2]) < 0.01 - 1e-12 else (1 if returns[2] > 0 else -1)
    avoid = (1 if sigma > 0.08 else 0) + (2 if turnover < 1e6 else 0)
    return [event["date"], event["start"], event["end"], path[0]["start"], entry, *returns, runup, drawdown,
            peak["start"], POSITION[peak["date"]] - position, sigma, turnover, side, ambiguous, ended,
            left / entry - 1, tier(runup, drawdown, returns[2]), direction, int(runup >= 0.15 - 1e-12),
            int(runup >= 0.25 - 1e-12), avoid, regime(window), ahead[9][2]]


def labels(file, symbol, finest, timeframes, until):
    daily = resample([tuple(b[k] for k in ("start", "open", "high", "low", "close", "volume")) for b in finest], 1440)
    closes = pandas.Series([bar["close"] for bar in daily])
    deviations = closes.pct_change().ewm(span=20, adjust=True, min_periods=20).std().tolist()
    for minutes in timeframes:
        series = resample(
            [tuple(b[k] for k in ("start", "open", "high", "low", "close", "volume")) for b in finest], minutes)
        rejected = Counter()
        for at in range(0, len(series), STRIDES[minutes]):
            row = label(series, at, finest, daily, deviations, until)
            if isinstance(row, str):
                rejected[row] += 1
            else:
                print("row", file, symbol, minutes, *(repr(v) if isinstance(v, float) else v for v in row))
        for reason, count in sorted(rejected.items()):
            print("rejected", file, symbol, minutes, reason, count)


def minutes_of(path):
    rows = []
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            start = int(row["timestamp_ms"])
            date = int(datetime.fromtimestamp(start / 1000, NEW_YORK).strftime("%Y%m%d"))
            if date in POSITION and SESSIONS[POSITION[date]][1] <= start < SESSIONS[POSITION[date]][2]:
                rows.append((start, *(float(row[k]) for k in ("open", "high", "low", "close", "volume"))))
    return resample(rows, 1)


def daily_of(path):
    symbols = defaultdict(dict)
    spoilt = set()
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            try:
                values = [float(row[k]) for k in ("open", "high", "low", "close", "volume")]
                date = int(row["date"].replace("-", ""))
                opens = SESSIONS[POSITION[date]][1]
            except (ValueError, TypeError, KeyError):
                spoilt.add(row["symbol"])
                continue
            o, h, low, c, v = values
            good = low > 0 and low <= min(o, c) and h >= max(o, c) and v >= 0 and None not in row
            if not good or date in symbols[row["symbol"]]:
                spoilt.add(row["symbol"])
            symbols[row["symbol"]][date] = (opens, *values)
    return {s: resample(sorted(bars.values()), 1440) for s, bars in sorted(symbols.items()) if s not in spoilt}


minute = minutes_of(sys.argv[1] + "/us-minute-cut/LII.csv.gz")
labels("minute", "LII", minute, [1, 5, 15, 60, 1440], minute[-1]["end"])
daily = daily_of(sys.argv[1] + "/us-daily-cut.csv.gz")
until = max(bars[-1]["end"] for bars in daily.values())
for symbol, bars in daily.items():
    labels("daily", symbol, bars, [1440], until)
