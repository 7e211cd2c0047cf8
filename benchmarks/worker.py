"""One package in its own interpreter: ``python worker.py PACKAGE``, then one request a line on standard input.

``import``               seconds to import the package (the first request of a fresh process)
``first WORKLOAD``       seconds from the start of building to the first result
``time WORKLOAD SECONDS``  seconds a call, over about so many seconds

Each answer is one line of JSON. Runs on Python 3.8 and later, with nothing but the package installed.
"""

from __future__ import annotations

import json
import os
import sys
import timeit
from time import perf_counter

from workloads import WORKLOADS

MODULES = {"theano": "theano", "theano1": "theano", "pytensor": "pytensor", "jax": "jax", "torch": "torch"}


class Worker:
    def __init__(self, package):
        self.package = package
        self.timers = {}

    def imports(self):
        start = perf_counter()
        module = __import__(MODULES[self.package])
        if self.package != "jax" and self.package != "torch":
            __import__(MODULES[self.package] + ".tensor")
        return {"seconds": perf_counter() - start, "version": module.__version__}

    def first(self, index):
        self.imports()
        workload = WORKLOADS[index]
        start = perf_counter()
        statement, names = workload.programs[self.package]()
        exec(statement, dict(names))
        seconds = perf_counter() - start
        self.timers[index] = timeit.Timer(statement, globals=names)
        return {"seconds": seconds}

    def time(self, index, seconds):
        if index not in self.timers:
            self.first(index)
        timer = self.timers[index]
        number, elapsed = 1, timer.timeit(1)
        while elapsed < seconds / 2:
            number = max(2 * number, int(number * seconds / max(elapsed, 1e-9) / 2))
            elapsed = timer.timeit(number)
        return {"seconds": elapsed / number / WORKLOADS[index].calls}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints must not mix with the answers
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        request, *arguments = json.loads(line)
        try:
            answer = {"import": worker.imports, "first": worker.first, "time": worker.time}[request](*arguments)
        except Exception as error:
            answer = {"error": "{}: {}".format(type(error).__name__, error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
