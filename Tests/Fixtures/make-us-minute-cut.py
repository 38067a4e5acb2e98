"""Cuts the test's minute bars from a year of them: LII, 21 October to 13 December 2024 (a change of the clock, a short
day, a holiday). Facts from the public collection blaizard/market-data (MIT).

    python3 make-us-minute-cut.py us-minute-2024/LII.csv.gz us-minute-cut/LII.csv.gz
"""
import gzip
import sys

FIRST, END = 1729468800000, 1734134400000
with gzip.open(sys.argv[1], "rt") as rows:
    header, *lines = rows.read().splitlines()
kept = [header] + [line for line in lines if FIRST <= int(line.split(",")[0]) < END]
with open(sys.argv[2], "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as out:
    out.write(("\n".join(kept) + "\n").encode())
