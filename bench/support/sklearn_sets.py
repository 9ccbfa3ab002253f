"""Reads the data sets that bench/support/sklearn.lua has written."""

import json
import sys

import numpy

FOLDER = sys.argv[1]

with open(FOLDER + "/sets.json") as file:
    settings = json.load(file)


def read(entry):
    """x (N, D) and y (N) of a set."""
    x = numpy.fromfile(f"{FOLDER}/{entry['name']}.f32", dtype=numpy.float32).reshape(len(entry["y"]), -1)
    return x, numpy.array(entry["y"])


def parts(entry):
    """x_train, y_train, x_test, y_test of each split."""
    x, y = read(entry)
    for split in entry["splits"]:
        train, test = numpy.array(split["train"]) - 1, numpy.array(split["test"]) - 1
        yield x[train], y[train], x[test], y[test]


def accuracy(entry, predict):
    """The share of rows that predict(x_train, y_train, x_test) has right, over all splits."""
    hits = tested = 0
    for x_train, y_train, x_test, y_test in parts(entry):
        hits += int((predict(x_train, y_train, x_test) == y_test).sum())
        tested += len(y_test)
    return hits / tested
