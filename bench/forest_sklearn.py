"""scikit-learn's random forest, for bench/forest.lua: accuracies by set, seconds to fit and to predict."""

import json
import time

import sklearn
from sklearn.ensemble import RandomForestClassifier

from support.sklearn_sets import accuracy, parts, settings


def forest(seed):
    return RandomForestClassifier(settings["trees"], n_jobs=settings["threads"], random_state=seed)


def predictor(seed):
    return lambda x_train, y_train, x_test: forest(seed).fit(x_train, y_train).predict(x_test)


def best_times(entry):
    x_train, y_train, x_test, _ = next(parts(entry))
    fit, predict = [], []
    for seed in range(settings["rounds"]):
        begin = time.perf_counter()
        model = forest(seed).fit(x_train, y_train)
        fit.append(time.perf_counter() - begin)
        for _ in range(3):
            begin = time.perf_counter()
            model.predict(x_test)
            predict.append(time.perf_counter() - begin)
    return min(fit), min(predict)


accuracies = {entry["name"]: [accuracy(entry, predictor(seed)) for seed in range(settings["seeds"])]
              for entry in settings["sets"]}
fit, predict = best_times(settings["sets"][0])
print(json.dumps({"version": sklearn.__version__, "accuracies": accuracies, "fit": fit, "predict": predict}))
