"""Writes indicators.txt: what TA-Lib answers for the windows below. Needs TA-Lib and NumPy; last run with TA-Lib 0.8.1.

One line a series: `case NAME`, then `high|low|close V…` (30 or 31 bars), then `INDICATOR PERIOD… V…` with nan where
TA-Lib has no value. Run it in this folder: python3 indicators.py > indicators.txt
"""
import numpy as np
import talib

random = np.random.default_rng(20170331)


def walk(bars=30, start=50.0, sigma=0.02, drift=0.0):
    close = start * np.exp(np.cumsum(random.normal(drift, sigma, bars)))
    return around(close, sigma)


def around(close, sigma):
    before = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(close, before) * (1 + sigma * random.random(len(close)))
    low = np.minimum(close, before) * (1 - sigma * random.random(len(close)))
    return high, low, close


def halted(first, last):
    high, low, close = (field.copy() for field in walk())
    for field in (high, low, close):
        field[first:last] = close[first - 1]
    return high, low, close


def cents():
    return tuple(np.round(field, 2) for field in walk(start=12.0))


def gapped():
    high, low, close = walk()
    up, down = np.ones(30), np.ones(30)
    up[11:], down[23:] = 1.35, 0.7
    return tuple(field * up * down for field in (high, low, close))


def facts():
    i = np.arange(31)
    close = 100 + 5 * np.sin(i / 3) + 0.3 * i
    return close + 1 + 0.1 * (i % 3), close - 1 - 0.1 * (i % 4), close


flat = np.full(30, 42.42)
cases = {f"walk{i}": walk() for i in range(3)}
cases |= {f"cents{i}": cents() for i in range(2)}
cases |= {
    "gapped": gapped(),
    "halted_first": halted(1, 12),
    "halted_middle": halted(8, 20),
    "halted_last": halted(16, 30),
    "flat": (flat, flat, flat),
    "rising": around(20 * 1.01 ** np.arange(30), 0.001),
    "falling": around(20 * 0.98 ** np.arange(30), 0.001),
    "tiny": walk(start=2e-3, sigma=0.05),
    "huge": walk(start=3e7, sigma=0.03),
    "facts": facts(),
}


def line(name, values):
    print(name, *(repr(float(value)) for value in values))


for name, fields in cases.items():
    high, low, close = (np.ascontiguousarray(field, dtype=np.float64) for field in fields)
    print("case", name)
    for field, values in (("high", high), ("low", low), ("close", close)):
        line(field, values)
    for p in (2, 3, 5, 10, 17, 22, 25):
        line(f"sma {p}", talib.SMA(close, p))
        line(f"ema {p}", talib.EMA(close, p))
    for f, s, g in ((3, 6, 3), (3, 21, 9), (5, 13, 4), (8, 9, 7), (12, 13, 9), (12, 21, 3)):
        macd, signal, _ = talib.MACD(close, f, s, g)
        line(f"macd_line {f} {s} {g}", macd)
        line(f"macd_signal {f} {s} {g}", signal)
    for p in (2, 3, 7, 11, 14):
        line(f"rsi {p}", talib.RSI(close, p))
        line(f"atr {p}", talib.ATR(high, low, close, p))
        line(f"natr {p}", talib.NATR(high, low, close, p))
    for p in (2, 3, 7, 11):
        line(f"plus_di {p}", talib.PLUS_DI(high, low, close, p))
        line(f"minus_di {p}", talib.MINUS_DI(high, low, close, p))
        line(f"adx {p}", talib.ADX(high, low, close, p))
    for p in (4, 10, 20):
        upper, middle, lower = talib.BBANDS(close, p, 2.0, 2.0)
        line(f"upper {p}", upper)
        line(f"middle {p}", middle)
        line(f"lower {p}", lower)
