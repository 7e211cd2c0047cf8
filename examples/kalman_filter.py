"""Fit a Kalman filter to the yearly flow of the Nile: how much of its change is weather, how much is climate?

    python examples/kalman_filter.py

The flow of a year is a level and noise; the level itself moves a little from year to year:

    flow[t] = level[t] + noise[t]            noise ~ N(0, noise variance)
    level[t + 1] = level[t] + change[t]      change ~ N(0, change variance)

A loop of the filter over the years gives the likelihood of both variances; L-BFGS climbs it by its gradient, and its
second derivatives tell how sure they are. A loop back through the years then smooths the level: what it probably was,
given all that came before and after.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import theano
import theano.tensor as T

NILE = Path(__file__).parent / "data" / "nile.csv"


def kalman_filter(series, noise, change):
    """The log-likelihood of a series, and in each year the mean and variance of the level, given the years until then.

    Nothing is known before the first year; so it makes the first estimate, and the likelihood is that of the others.
    """

    def step(flow, mean, variance):
        predicted = variance + change
        spread = predicted + noise
        surprise = flow - mean
        gain = predicted / spread
        score = -0.5 * (T.log(2 * np.pi * spread) + surprise**2 / spread)
        return mean + gain * surprise, (1 - gain) * predicted, score

    (means, variances, scores), _ = theano.scan(
        step, sequences=series[1:], outputs_info=[series[0], noise, None], name="filter"
    )
    return scores.sum(), T.concatenate([series[:1], means]), T.concatenate([T.shape_padleft(noise), variances])


def smooth(means, variances, change):
    """Mean and variance of the level in each year, given all years: from the last one backwards."""

    def step(mean, variance, later_mean, later_variance):
        gain = variance / (variance + change)
        return mean + gain * (later_mean - mean), variance + gain**2 * (later_variance - variance - change)

    (smooth_means, smooth_variances), _ = theano.scan(
        step,
        sequences=[means[:-1], variances[:-1]],
        outputs_info=[means[-1], variances[-1]],
        go_backwards=True,
        name="smoother",
    )
    return T.concatenate([smooth_means[::-1], means[-1:]]), T.concatenate([smooth_variances[::-1], variances[-1:]])


def density_of_differences(series, noise, change):
    """The same log-likelihood without a filter: the differences from year to year are jointly normal."""
    n = len(series) - 1
    covariance = (2 * noise + change) * np.eye(n) - noise * (np.eye(n, k=1) + np.eye(n, k=-1))
    differences = np.diff(series)
    _, log_determinant = np.linalg.slogdet(2 * np.pi * covariance)
    return -0.5 * (log_determinant + differences @ np.linalg.solve(covariance, differences))


def draw(path, years, flow, level, deviation):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(years, flow, "o-", color="0.6", linewidth=0.8, markersize=3, label="measured")
    axes.plot(years, level, color="C0", label="level")
    axes.fill_between(
        years, level - 1.96 * deviation, level + 1.96 * deviation, color="C0", alpha=0.2, label="95 % of the level"
    )
    axes.set(xlabel="year", ylabel="flow of the Nile at Aswan (10⁸ m³)")
    axes.legend()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("nile.png"), help="the picture (default: %(default)s)")
    options = parser.parse_args()
    years, flow = np.loadtxt(NILE, delimiter=",", skiprows=3, unpack=True)

    series, logarithms = theano.shared(flow, "series"), T.dvector("logarithms of the variances")
    noise, change = T.exp(logarithms[0]), T.exp(logarithms[1])
    likelihood, means, variances = kalman_filter(series, noise, change)
    slope = T.grad(-likelihood, logarithms)
    cost_and_slope = theano.function([logarithms], [-likelihood, slope])
    curvature = theano.function([logarithms], T.stack([T.grad(slope[i], logarithms) for i in range(2)]))
    levels = theano.function([logarithms], smooth(means, variances, change))

    def report(intermediate_result):  # SciPy looks at the argument's name
        noise, change = np.exp(intermediate_result.x)
        print(f"{noise:14.1f} {change:16.1f} {-intermediate_result.fun:16.4f}")

    print("noise variance  change variance   log-likelihood")
    start = np.log([np.var(flow), np.var(flow)])
    fitted = minimize(cost_and_slope, start, jac=True, method="L-BFGS-B", callback=report)
    errors = np.sqrt(np.diag(np.linalg.inv(curvature(fitted.x))))
    for name, logarithm, error in zip(("noise", "change"), fitted.x, errors):
        low, high = np.exp(logarithm - 1.96 * error), np.exp(logarithm + 1.96 * error)
        print(f"variance of the {name}: {np.exp(logarithm):.0f} (95 %: {low:.0f} to {high:.0f})")
    print(f"log-likelihood: {-fitted.fun:.6f}, without a filter: {density_of_differences(flow, *np.exp(fitted.x)):.6f}")

    level, variance = levels(fitted.x)
    if find_spec("matplotlib"):
        draw(options.output, years, flow, level, np.sqrt(variance))
        print(f"Measured flow and smoothed level: {options.output}")


if __name__ == "__main__":
    main()
