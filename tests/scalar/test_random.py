"""Random bits against the published generator; numbers made of them against the distributions' definitions."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import erfc, erfinv, mp, mpf, sqrt

import theano.tensor as T
from theano import scalar

WORD = 2**32


def turned(x: int, places: int) -> int:
    return (x << places | x >> (32 - places)) % WORD


def threefry_2x32(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Threefry-2×32-20 with Python's integers, by the specification in Salmon et al. (2011)."""
    keys = [*key, 0x1BD11BDA ^ key[0] ^ key[1]]
    x0, x1 = (counter[0] + keys[0]) % WORD, (counter[1] + keys[1]) % WORD
    for group in range(5):
        for places in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x0 = (x0 + x1) % WORD
            x1 = turned(x1, places) ^ x0
        x0 = (x0 + keys[(group + 1) % 3]) % WORD
        x1 = (x1 + keys[(group + 2) % 3] + group + 1) % WORD
    return x0, x1


def joined(words: tuple[int, int]) -> int:
    return words[0] | words[1] << 32


# The known answers that the authors of the generator publish with it: counter, key, result.
KNOWN_ANSWERS = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize("counter, key, answer", KNOWN_ANSWERS)
def test_known_answers(counter, key, answer):
    assert threefry_2x32(key, counter) == answer
    assert int(scalar.random_bits.impl(np.uint64(joined(key)), np.uint64(joined(counter)))) == joined(answer)
    key, counter = (T.constant(np.uint64(joined(w))) for w in (key, counter))
    assert int(T.random_bits(key, counter).eval()) == joined(answer)


def test_bits_are_those_of_the_specification():
    random = np.random.default_rng(1)
    keys, counters = random.integers(0, 2**64, (2, 50), dtype="uint64")
    expected = [
        joined(threefry_2x32((int(k) % WORD, int(k) // WORD), (int(c) % WORD, int(c) // WORD)))
        for k, c in zip(keys, counters, strict=True)
    ]
    np.testing.assert_array_equal(scalar.random_bits.impl(keys, counters), np.array(expected, dtype="uint64"))


def test_dtypes_of_bits():
    with pytest.raises(TypeError, match="uint64"):
        T.random_bits(T.lscalar(), T.lscalar())
    with pytest.raises(TypeError, match="uint32 or uint64"):
        T.random_uniform(T.lscalar())
    assert T.random_normal(T.cast(T.lscalar(), "uint32")).dtype == "float32"


@pytest.mark.parametrize("dtype, bits, digits", [("uint32", 32, 24), ("uint64", 64, 53)])
def test_uniform_numbers_are_the_leading_bits(dtype, bits, digits):
    corners = np.array([0, 1, 2 ** (bits - digits), 2**bits - 1], dtype=dtype)
    found = scalar.random_uniform.impl(corners)
    np.testing.assert_array_equal(found, [0, 0, 2.0**-digits, 1 - 2.0**-digits])
    some = np.random.default_rng(2).integers(0, 2**bits, 1000, dtype=dtype)
    expected = [int(b) >> (bits - digits) for b in some]
    np.testing.assert_array_equal(scalar.random_uniform.impl(some).astype("float64") * 2**digits, expected)


@pytest.mark.parametrize("dtype, bits, digits", [("uint32", 32, 24), ("uint64", 64, 53)])
def test_normal_numbers_are_quantiles(dtype, bits, digits):
    random = np.random.default_rng(3)
    some = random.integers(0, 2**bits, 150, dtype=dtype)
    small = (some >> random.integers(0, bits - 1, 150).astype(dtype)).astype(dtype)  # the tail
    middle = np.array([2**bits - 1, 2**bits - 2, 0, 1], dtype=dtype)
    # on both sides of where the center ends
    edge = np.array([int(0.075 * 2 ** (bits + 1)) + d * 2 ** (bits - digits) for d in range(-3, 4)], dtype=dtype)
    for b in np.concatenate([some, small, middle, edge]):
        found = scalar.random_normal.impl(np.asarray(b)).item()
        with mp.workdps(30):
            p = ((int(b) >> (bits - digits + 1)) + mpf(1) / 2) / 2**digits
            exact = sqrt(2) * erfinv(1 - 2 * p)
            for _ in range(2):  # Newton's iteration, for the tail
                exact += (erfc(exact / sqrt(2)) / 2 - p) * sqrt(2 * mp.pi) * mp.exp(exact**2 / 2)
            exact = -exact if int(b) % 2 else exact
            unit = np.spacing(np.dtype(scalar.random_normal.rule(dtype)).type(abs(exact)))
            assert abs(mpf(found) - exact) <= 12 * mpf(float(unit)), (int(b), found, exact)
