"""Random numbers as expressions.

A generator is no object with a memory of its own but a value, the state of :mod:`theano.tensor.random.state`. A draw is
a pure function of a state: it gives the numbers and the state for the next draw. What it computes is written in
:mod:`theano.tensor.random.distributions`, by :mod:`theano.tensor.random.function`, from the bits of
:mod:`theano.tensor.random.bits`. Users meet it as :mod:`theano.tensor.raw_random`, which hands states on, and as
:mod:`theano.tensor.shared_randomstreams`, which keeps them in shared variables.
"""
