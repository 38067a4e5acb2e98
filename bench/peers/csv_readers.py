"""Reads a CSV file of daily bars on one core with pandas or pyarrow, as a running process.

    csv_readers.py FILE

Each line on standard input is `pandas` or `pyarrow`; each is answered with the seconds of processor time from the file to columns and, to
compare, the rows and the sums of close and volume.
"""
import sys
import time

import pandas
import pyarrow
import pyarrow.compute
import pyarrow.csv

path = sys.argv[1]
pyarrow.set_cpu_count(1)
print("ready", pandas.__version__, pyarrow.__version__, flush=True)
for line in sys.stdin:
    start = time.process_time()
    if line.strip() == "pandas":
        table = pandas.read_csv(path, parse_dates=["date"], date_format="%Y-%m-%d", engine="c")
        seconds = time.process_time() - start
        close, volume = table["close"].sum(), table["volume"].sum()
        dates = table["date"].dtype
        assert str(dates).startswith("datetime64"), dates
    else:
        table = pyarrow.csv.read_csv(
            path, read_options=pyarrow.csv.ReadOptions(use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(column_types={"date": pyarrow.date32()}))
        seconds = time.process_time() - start
        close, volume = (pyarrow.compute.sum(table[name]).as_py() for name in ("close", "volume"))
    print(seconds, len(table), float(close), float(volume), flush=True)
