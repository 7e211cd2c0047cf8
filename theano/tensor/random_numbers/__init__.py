"""Random numbers as expressions.

A generator is no object with a memory of its own but a value, a state (`state.py`). A draw is a pure function of a
state: it gives the numbers and the state for the next draw. What it computes is written in `distributions.py`, by the
means of `function.py`, from the bits of `bits.py`. Users meet it as :mod:`theano.tensor.raw_random`, which hands states
on, and as :mod:`theano.tensor.shared_randomstreams`, which keeps them in shared variables.
"""
