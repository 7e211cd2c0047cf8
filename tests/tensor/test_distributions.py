"""What is drawn, against the distributions: with fixed seeds, so that a test that passes always passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats

import theano
import theano.tensor as T

SIZE = 20_000
LIKELY = 1e-3  # the chance for a right generator to fail a test, had the seed not been chosen


def drawn(draw: Callable[[Any], Any], seed: int = 1) -> np.ndarray:
    return theano.function([], draw(T.RandomStreams(seed)))()


def fits(sample: np.ndarray, cdf: Callable[[Any], Any]) -> bool:
    """Kolmogorov and Smirnov's test of a continuous distribution."""
    return bool(scipy.stats.kstest(sample.ravel().astype("float64"), cdf).pvalue > LIKELY)


def counts_fit(sample: np.ndarray, probabilities: np.ndarray) -> bool:
    """Pearson's test of whole numbers from 0 on; those that are rare are counted together."""
    expected = probabilities * sample.size
    observed = np.bincount(sample.ravel().astype("int64"), minlength=len(expected))
    assert observed.size == expected.size, "a number came that has probability 0"
    often = expected >= 10
    expected = np.append(expected[often], sample.size - expected[often].sum())
    observed = np.append(observed[often], sample.size - observed[often].sum())
    if expected[-1] < 1:
        assert observed[-1] < 10
        expected, observed = expected[:-1], observed[:-1]
    if expected.size == 1:
        return True
    return bool(scipy.stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > LIKELY)


class TestContinuous:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_uniform(self, dtype: str) -> None:
        sample = drawn(lambda r: r.uniform((SIZE,), low=-2.0, high=3.0, dtype=dtype))
        assert sample.dtype == dtype and sample.min() >= -2 and sample.max() < 3
        assert fits(sample, scipy.stats.uniform(-2, 5).cdf)

    def test_uniform_halves(self) -> None:
        sample = drawn(lambda r: r.uniform((SIZE,), dtype="float16"))
        assert sample.dtype == "float16" and sample.max() < 1
        assert counts_fit(np.floor(sample.astype("float64") * 64), np.full(64, 1 / 64))
        # 11 bits and no others
        assert (sample.astype("float64") * 2**11 % 1 == 0).all()

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_normal(self, dtype: str) -> None:
        sample = drawn(lambda r: r.normal((SIZE,), avg=1.0, std=0.5, dtype=dtype))
        assert sample.dtype == dtype and fits(sample, scipy.stats.norm(1, 0.5).cdf)
        z = (sample.astype("float64") - 1) / 0.5
        bound = 4 / np.sqrt(SIZE)
        assert abs(z.mean()) < bound and abs(z.var() - 1) < bound * np.sqrt(2)
        assert abs((z**3).mean()) < bound * np.sqrt(15) and abs((z**4).mean() - 3) < bound * np.sqrt(96)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_truncated_normal(self, dtype: str) -> None:
        sample = drawn(lambda r: r.truncated_normal((SIZE,), avg=1.0, std=2.0, dtype=dtype))
        assert sample.dtype == dtype and sample.min() >= -3 - 1e-5 and sample.max() <= 5 + 1e-5
        assert fits(sample, scipy.stats.truncnorm(-2, 2, loc=1, scale=2).cdf)

    def test_parameters_broadcast(self) -> None:
        low = np.array([[0.0], [10.0], [-5.0]])
        sample = drawn(lambda r: r.uniform((3, SIZE), low=T.addbroadcast(theano.shared(low), 1), high=low + 1))
        for line, start in zip(sample, low.ravel(), strict=True):
            assert fits(line, scipy.stats.uniform(start, 1).cdf)
        sample = drawn(lambda r: r.normal(avg=np.zeros((1, 2, 1)), std=np.ones((SIZE, 1, 3))))
        assert sample.shape == (SIZE, 2, 3) and fits(sample, scipy.stats.norm.cdf)


class TestWholeNumbers:
    @pytest.mark.parametrize("n, p", [(1, 0.3), (5, 0.7), (40, 0.1), (64, 0.5), (200, 0.02), (1000, 0.5)])
    def test_binomial(self, n: int, p: float) -> None:
        sample = drawn(lambda r: r.binomial((SIZE,), n=n, p=p))
        assert sample.dtype == "int64"
        assert counts_fit(sample, scipy.stats.binom(n, p).pmf(np.arange(n + 1)))

    def test_binomial_of_many_parameters(self) -> None:
        n, p = np.array([[3], [200]]), np.array([0.5, 0.01, 1.0, 0.0])
        sample = drawn(lambda r: r.binomial((SIZE // 10, 2, 4), n=n, p=p))
        for i in range(2):
            for j in range(4):
                expected = scipy.stats.binom(n[i, 0], p[j]).pmf(np.arange(n[i, 0] + 1))
                assert counts_fit(sample[:, i, j], expected), (n[i], p[j])

    def test_probabilities_may_be_small(self) -> None:
        # events of probability 2**-30 hardly come in 20,000 trials, those of 1 - 2**-30 hardly fail
        for dtype in ("float32", "float64"):
            p = np.array([2.0**-30, 1 - 2.0**-24, 0, 1], dtype=dtype)
            sample = drawn(lambda r, p=p: r.binomial((SIZE, 4), p=p))
            assert sample.sum(axis=0).tolist() == [0, SIZE, 0, SIZE]

    @pytest.mark.parametrize("lam", [0.0, 0.3, 4.0, 90.0])
    def test_poisson(self, lam: float) -> None:
        sample = drawn(lambda r: r.poisson((SIZE,), lam=lam))
        assert counts_fit(sample, scipy.stats.poisson(lam).pmf(np.arange(sample.max() + 1)))

    def test_poisson_of_many_and_large_means(self) -> None:
        means = np.array([0.5, 10.0, 1e6, 1e12])
        sample = drawn(lambda r: r.poisson((SIZE // 10, 4), lam=means))
        z = (sample.mean(axis=0) - means) / np.sqrt(means / len(sample))
        assert (abs(z) < 4).all(), z
        spread = sample.var(axis=0) / means
        assert (abs(spread - 1) < 0.2).all(), spread

    @pytest.mark.parametrize("low, high", [(0, 1), (-3, 6), (5, 5), (0, 999)])
    def test_random_integers(self, low: int, high: int) -> None:
        sample = drawn(lambda r: r.random_integers((SIZE,), low, high))
        count = high - low + 1
        assert counts_fit(sample - low, np.full(count, 1 / count))

    def test_random_integers_over_almost_all_of_them(self) -> None:
        low, high = -(2**63), 2**63 - 2
        sample = drawn(lambda r: r.random_integers((SIZE,), low, high))
        assert fits(sample / 2.0**63, scipy.stats.uniform(-1, 2).cdf)

    def test_random_integers_of_many_bits(self) -> None:
        sample = drawn(lambda r: r.random_integers((SIZE,), -(2**62), 2**62 - 1))
        assert fits(sample / 2**62, scipy.stats.uniform(-1, 2).cdf)
        for place in range(63):  # each bit is a coin
            ones = int(((sample >> place) & 1).sum())
            assert abs(ones - SIZE / 2) < 4.5 * np.sqrt(SIZE / 4), place


class TestChoices:
    def test_permutation(self) -> None:
        sample = drawn(lambda r: r.permutation((SIZE // 4,), n=4))
        assert (np.sort(sample, axis=-1) == np.arange(4)).all()
        assert counts_fit((sample * [64, 16, 4, 1]).sum(axis=-1), permutations_of_4())

    def test_choice(self) -> None:
        assert counts_fit(drawn(lambda r: r.choice((SIZE,), a=7)), np.full(7, 1 / 7))
        p = np.array([0.1, 0.0, 0.5, 0.4])
        assert counts_fit(drawn(lambda r: r.choice((SIZE,), a=4, p=p)), p)
        assert counts_fit(drawn(lambda r: r.choice((SIZE,), a=4, p=p * 3)), p)  # weights need not add up to 1
        sample = drawn(lambda r: r.choice((SIZE,), a=np.array([0, 2, 4, 6])))
        assert counts_fit(sample // 2, np.full(4, 1 / 4)) and (sample % 2 == 0).all()

    def test_choice_without_replacement(self) -> None:
        srng = T.RandomStreams(1)
        f = theano.function([], srng.choice((2,), a=4, replace=False))
        assert counts_fit(np.array([f() @ [4, 1] for _ in range(2000)]), pairs_of_4(np.full(4, 0.25)))
        p = np.array([0.1, 0.2, 0.3, 0.4])
        g = theano.function([], srng.choice((2,), a=4, replace=False, p=p))
        assert counts_fit(np.array([g() @ [4, 1] for _ in range(2000)]), pairs_of_4(p))

    def test_choice_from_rows(self) -> None:
        from theano.sandbox.rng_mrg import MRG_RandomStreams

        p = np.array([0.1, 0.2, 0.3, 0.4])
        rows = np.tile(p, (3000, 1))
        srng = MRG_RandomStreams(1)
        different = srng.choice(2, p=rows, replace=False).eval()
        assert different.shape == (3000, 2) and counts_fit(different @ [4, 1], pairs_of_4(p))
        assert counts_fit(srng.choice(2, p=rows).eval() @ [4, 1], np.outer(p, p).ravel())
        assert counts_fit(srng.multinomial_wo_replacement(n=2, pvals=rows).eval() @ [4, 1], pairs_of_4(p))

    @pytest.mark.parametrize("n", [1, 5, 70])
    def test_multinomial(self, n: int) -> None:
        p = np.array([0.1, 0.0, 0.6, 0.3])
        sample = drawn(lambda r: r.multinomial((SIZE // 4,), n=n, pvals=p))
        assert sample.shape == (SIZE // 4, 4) and (sample.sum(axis=-1) == n).all()
        for category, share in zip(sample.T, p, strict=True):
            assert counts_fit(category, scipy.stats.binom(n, share).pmf(np.arange(n + 1)))
        covariance = np.cov(sample.T)
        assert abs(covariance[0, 2] + n * p[0] * p[2]) < 4 * n / np.sqrt(len(sample))

    def test_multinomial_of_many_parameters(self) -> None:
        n, pvals = T.lvector(), T.dmatrix()
        f = theano.function([n, pvals], T.RandomStreams(1).multinomial(n=n, pvals=pvals))
        p = np.array([[0.2, 0.8], [0.5, 0.5]])
        sample = np.array([f([3, 10], p) for _ in range(500)])
        assert (sample.sum(axis=-1) == [3, 10]).all()
        for i, trials in enumerate((3, 10)):
            assert counts_fit(sample[:, i, 0], scipy.stats.binom(trials, p[i, 0]).pmf(np.arange(trials + 1)))

    def test_shuffle_row_elements(self) -> None:
        rows = np.arange(SIZE).reshape(-1, 4)
        sample = drawn(lambda r: r.shuffle_row_elements(rows))
        assert (np.sort(sample, axis=-1) == rows).all()
        assert counts_fit((sample % 4 * [64, 16, 4, 1]).sum(axis=-1), permutations_of_4())


def permutations_of_4() -> np.ndarray:
    """The probability of each number with digits to the base 4."""
    probabilities = np.zeros(256)
    for number in range(256):
        digits = {number // 4**i % 4 for i in range(4)}
        probabilities[number] = len(digits) == 4
    return probabilities[: np.flatnonzero(probabilities)[-1] + 1] / 24


def pairs_of_4(p: np.ndarray) -> np.ndarray:
    """The probability of first and second choice ``4 * first + second``, one after the other without replacement."""
    pairs = np.outer(p, p) / (1 - p)[:, None]
    np.fill_diagonal(pairs, 0)
    return pairs.ravel()[: np.flatnonzero(pairs.ravel())[-1] + 1]


class TestIndependence:
    def test_streams_and_seeds(self) -> None:
        samples = []
        for seed in range(6):
            srng = T.RandomStreams(seed)
            samples += [srng.uniform((SIZE,)), srng.uniform((SIZE,))]
        table = np.array(theano.function([], samples)())
        correlation = np.corrcoef(table) - np.eye(len(table))
        assert abs(correlation).max() < 4.5 / np.sqrt(SIZE)

    def test_along_a_stream(self) -> None:
        sample = drawn(lambda r: r.normal((SIZE,)))
        for lag in (1, 2, 3, 16, 32, 100):
            assert abs(np.corrcoef(sample[lag:], sample[:-lag])[0, 1]) < 4 / np.sqrt(SIZE), lag
        pairs = np.floor(drawn(lambda r: r.uniform((SIZE, 2))) * 10) @ [10, 1]
        assert counts_fit(pairs, np.full(100, 0.01))

    def test_from_call_to_call(self) -> None:
        f = theano.function([], T.RandomStreams(3).uniform(()))
        assert fits(np.array([f() for _ in range(2000)]), scipy.stats.uniform.cdf)
