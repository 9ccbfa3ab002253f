"""Seconds that pandas takes to read a table of text: reading_pandas.py FILE SEPARATOR DECIMAL"""
import sys
import time

import pandas as pd

begin = time.perf_counter()
frame = pd.read_csv(sys.argv[1], sep=sys.argv[2], decimal=sys.argv[3])
seconds = time.perf_counter() - begin
assert len(frame) > 0
print(seconds)
