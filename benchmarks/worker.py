"""One package in its own interpreter: ``python worker.py PACKAGE``, then one request a line on standard input.

``import``               seconds to import the package (the first request of a fresh process)
``first WORKLOAD``       seconds from the start of building to the first result, and a checksum of that
``check WORKLOAD``       checksums of three results, one after the other: training has changed what the later ones see
``time WORKLOAD SECONDS``  seconds a call, in the best of some ten batches that take about so many seconds

Each answer is one line of JSON. Runs on Python 3.8 and later, with nothing but the package installed.
"""

from __future__ import annotations

import json
import os
import sys
import timeit
from importlib import import_module
from time import perf_counter

from packages import MODULES, PACKAGES
from workloads import WORKLOADS


def checksum(result):
    """The sum of all numbers in a result, so that packages can be compared."""
    if isinstance(result, (list, tuple)):
        return sum(map(checksum, result))
    return 0.0 if result is None else float(result.sum())


class Worker:
    def __init__(self, package):
        self.package = package
        self.timer = self.timed = self.dialect = self.statement = self.names = None

    def imports(self):
        start = perf_counter()
        import_module(MODULES[self.package])
        return {"seconds": perf_counter() - start}

    def first(self, index):
        self.dialect = self.dialect or PACKAGES[self.package]()
        workload = WORKLOADS[index]
        self.timer = self.names = None  # frees the arrays of the last one
        arrays = [self.dialect.array(a) for a in workload.data()]
        start = perf_counter()
        self.statement, self.names = workload.program(self.package, self.dialect, arrays)
        result = eval(self.statement, dict(self.names))
        seconds = perf_counter() - start
        self.timer, self.timed = timeit.Timer(self.statement, globals=self.names), index
        return {"seconds": seconds, "checksum": checksum(result)}

    def check(self, index):
        sums = [self.first(index)["checksum"]]
        for _ in range(2):
            sums.append(checksum(eval(self.statement, dict(self.names))))
        return {"checksums": sums}

    def time(self, index, seconds):
        answer = {} if index == self.timed else self.first(index)
        number, batches = 1, [self.timer.timeit(1)]
        while batches[-1] < seconds / 20:
            number = max(2 * number, int(number * seconds / 20 / max(batches[-1], 1e-9)))
            batches = [self.timer.timeit(number)]
        while sum(batches) < seconds:
            batches.append(self.timer.timeit(number))
        return {**answer, "seconds": min(batches) / number}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints must not mix with the answers
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        request, *arguments = json.loads(line)
        try:
            answers_to = {"import": worker.imports, "first": worker.first, "check": worker.check, "time": worker.time}
            answer = answers_to[request](*arguments)
        except Exception as error:
            answer = {"error": "{}: {}".format(type(error).__name__, error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
