"""scikit-learn's random forest on the data sets that bench/forest.lua has written: forest_sklearn.py FOLDER

Reads FOLDER/sets.json and FOLDER/NAME.f32, prints JSON: version, accuracies by set, fit and predict seconds.
"""
import json
import sys
import time

import numpy
import sklearn
from sklearn.ensemble import RandomForestClassifier

folder = sys.argv[1]
description = json.load(open(folder + "/sets.json"))


def read(entry):
    x = numpy.fromfile(f"{folder}/{entry['name']}.f32", dtype=numpy.float32).reshape(len(entry["y"]), -1)
    return x, numpy.array(entry["y"])


def rows(numbers):
    return numpy.array(numbers) - 1


def forest(seed):
    return RandomForestClassifier(description["trees"], n_jobs=description["threads"], random_state=seed)


def accuracy(entry, seed):
    x, y = read(entry)
    hits = tested = 0
    for split in entry["splits"]:
        train, test = rows(split["train"]), rows(split["test"])
        hits += (forest(seed).fit(x[train], y[train]).predict(x[test]) == y[test]).sum()
        tested += len(test)
    return hits / tested


def best_times(entry, rounds):
    x, y = read(entry)
    train, test = rows(entry["splits"][0]["train"]), rows(entry["splits"][0]["test"])
    x_train, y_train, x_test = x[train], y[train], x[test]
    fit, predict = [], []
    for seed in range(rounds):
        begin = time.perf_counter()
        model = forest(seed).fit(x_train, y_train)
        fit.append(time.perf_counter() - begin)
        for _ in range(3):
            begin = time.perf_counter()
            model.predict(x_test)
            predict.append(time.perf_counter() - begin)
    return min(fit), min(predict)


accuracies = {entry["name"]: [accuracy(entry, seed) for seed in range(description["seeds"])]
              for entry in description["sets"]}
fit, predict = best_times(description["sets"][0], description["rounds"])
print(json.dumps({"version": sklearn.__version__, "accuracies": accuracies, "fit": fit, "predict": predict}))
