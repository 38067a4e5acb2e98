#!/usr/bin/env python3
"""Cuts us-daily-cut.csv.gz from a bigger file of daily bars (symbol,date,open,high,low,close,volume).

    Tests/Fixtures/make-us-daily-cut.py us-daily-2016-2017.csv.gz

Takes the last 60 days of 60 symbols: 44 that pass every rule of the universe, 16 that break one rule each, and adds
what the source does not have: a symbol that is not letters, and rows that a reader must refuse. The source's bars are
from the public collection eliangcs/pystock-data.
"""
import collections
import csv
import gzip
import io
import pathlib
import sys

rows = list(csv.DictReader(gzip.open(sys.argv[1], "rt")))
dates = sorted({row["date"] for row in rows})[-60:]
newest, last35 = dates[-1], set(dates[-35:])
bars = collections.defaultdict(dict)
for row in rows:
    if row["date"] in set(dates):
        bars[row["symbol"]][row["date"]] = row


def broken_rule(symbol):
    if not last35 <= bars[symbol].keys():
        return "missing day"
    close, volume = (float(bars[symbol][newest][name]) for name in ("close", "volume"))
    if not 10 < close < 90:
        return "price"
    if not 250_000 <= volume <= 100_000_000:
        return "volume"
    return "none"


by_rule = collections.defaultdict(list)
for symbol in sorted(bars):
    by_rule[broken_rule(symbol)].append(symbol)


def spread(symbols, count):
    return [symbols[i * len(symbols) // count] for i in range(count)]


chosen = sorted(
    spread(by_rule["none"], 44) + spread(by_rule["missing day"], 6) + spread(by_rule["price"], 5)
    + spread(by_rule["volume"], 5))
header = ["symbol", "date", "open", "high", "low", "close", "volume"]
lines = [",".join(header)]
for symbol in chosen:
    lines += [",".join(bars[symbol][date][name] for name in header) for date in sorted(bars[symbol])]
# A copy of the first passing symbol under a name that is not letters only.
first = spread(by_rule["none"], 44)[0]
lines += [first + ".B," + ",".join(bars[first][date][name] for name in header[1:]) for date in sorted(bars[first])]
# A refused row of each kind, of a symbol that has no other rows; then a bar twice, and a bar in two versions.
day = dates[30]
lines += [
    f"ODD,{day},10,11,9", f"ODD,{day},10,11,9,10.5,300000,1", "ODD,2017-02-29,10,11,9,10.5,300000",
    f"ODD,{day},10,n/a,9,10.5,300000", f"ODD,{day},0,11,0,10.5,300000", f"ODD,{day},10,9,11,10.5,300000",
    f"ODD,{day},10,11,9,10.5,-300000", f"ODD,{day},10,11,9,10.5,300000", f"ODD,{day},10,11.0,9,10.50,300000",
    f"ODE,{day},10,11,9,10.5,300000", f"ODE,{day},10,11,9,10.5,300001",
]
text = ("\n".join(lines) + "\n").encode()
out = io.BytesIO()
with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=9, mtime=0) as file:
    file.write(text)
target = pathlib.Path(__file__).with_name("us-daily-cut.csv.gz")
target.write_bytes(out.getvalue())
print(target.name, len(out.getvalue()), "bytes,", len(lines) - 1, "rows,", len(chosen), "symbols,", dates[0], newest)
