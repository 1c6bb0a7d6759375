"""Ridge regression on statistics of a few hundred replications, and which of them contradict all others.

There are more statistics than replications, and many say nearly the same: ordinary least squares would follow their noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.study.chunk import Floats

PENALTIES = np.logspace(-2, 5, 22)
"""Penalties of ridge regression that are tried."""


def ridge_regression(x: Floats, z: Floats, x_new: Floats) -> tuple[Floats, Floats, Floats]:
    """Return by column of z its prediction at `x_new`, leave-one-out residuals, and the share of variance explained.

    `x` is standardised, shape (n, p); z has mean 0 and variance 1 by definition, shape (n, q). The penalty of each column has
    the smallest leave-one-out error (Golub, Heath and Wahba 1979).
    """
    # the thin singular value decomposition x = u d v, from the smaller product: there are more statistics than replications
    values, u = np.linalg.eigh(x @ x.T)
    positive = values > values[-1] * 1e-12
    d, u = np.sqrt(values[positive]), u[:, positive]
    v = (u / d).T @ x
    mean_z = z.mean(axis=0)
    projected = u.T @ (z - mean_z)
    variance = ((z - mean_z) ** 2).sum(axis=0)
    least_error, prediction, residuals = np.full(z.shape[1], np.inf), np.zeros(z.shape[1]), z.copy()
    for penalty in PENALTIES:
        shrinkage = d**2 / (d**2 + penalty)
        leverage = 1 / len(x) + (u**2 * shrinkage).sum(axis=1)
        left_out = (z - mean_z - u @ (shrinkage[:, None] * projected)) / (1 - leverage)[:, None]
        error = (left_out**2).sum(axis=0)
        better = error < least_error
        least_error = np.where(better, error, least_error)
        residuals[:, better] = left_out[:, better]
        prediction[better] = ((v @ x_new) * (d / (d**2 + penalty)) @ projected)[better]
    return prediction, residuals, np.clip(1 - least_error / variance, 0.0, 0.999)


SHRINKAGE = 0.02
"""Part of a correlation matrix that is replaced by the identity (Ledoit and Wolf 2004), so that it has an inverse."""


def at_odds(x: Floats, x_new: Floats, most_deviations: float) -> NDArray[np.bool_]:
    """Return which values of `x_new` are further than so many standard deviations from what its other values predict.

    `x` is standardised, shape (n, p). The furthest is left out first, as it distorts what is predicted of the others.
    """
    left_out = np.zeros(len(x_new), np.bool_)
    correlation = (1 - SHRINKAGE) * x.T @ x / len(x) + SHRINKAGE * np.eye(len(x_new))
    while not left_out.all():
        rest = np.flatnonzero(~left_out)
        # of a normal distribution, the precision matrix has each value's regression on the others
        precision = np.linalg.inv(correlation[np.ix_(rest, rest)])
        deviations = np.abs(precision @ x_new[rest]) / np.sqrt(np.diag(precision))
        if deviations.max() <= most_deviations:
            break
        left_out[rest[deviations.argmax()]] = True
    return left_out
