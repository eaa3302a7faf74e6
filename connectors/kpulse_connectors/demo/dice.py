"""Chance that can be repeated: a named stream of random numbers that is the same on every machine and every day."""

import math
from collections.abc import Sequence
from random import Random
from statistics import NormalDist
from typing import TypeVar

T = TypeVar("T")
_NORMAL = NormalDist()


class Dice:
    """Random numbers that depend on ``names`` only. All of them come from ``Random.random``, whose sequence Python keeps."""

    def __init__(self, *names: object) -> None:
        self._next = Random("/".join(map(str, names))).random  # noqa: S311 - a story, not a secret

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._next() < probability

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), all equally likely."""
        return low + (high - low) * self._next()

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, all equally likely."""
        return choices[int(self._next() * len(choices))]

    def weigh(self, choices: Sequence[T], weights: Sequence[float]) -> T:
        """One of the choices, as likely as its weight."""
        left = self._next() * sum(weights)
        for choice, weight in zip(choices, weights, strict=True):
            left -= weight
            if left < 0:
                return choice
        return choices[-1]

    def lognormal(self, median: float, spread: float) -> float:
        """A skewed positive number, half of the time below ``median``; ``spread`` is the deviation of its logarithm."""
        return median * math.exp(spread * self._normal())

    def pareto(self, shape: float, most: float) -> float:
        """A number from 1 up to ``most`` of which a few are very large."""
        return min(most, math.pow(1.0 - self._next(), -1.0 / shape))

    def count(self, mean: float) -> int:
        """A whole number about ``mean`` that scatters as counts do."""
        if mean < 12:
            return self._poisson(mean)
        return max(0, round(mean + math.sqrt(mean) * self._normal()))

    def _poisson(self, mean: float) -> int:
        limit, product, found = math.exp(-mean), self._next(), 0
        while product > limit:
            product *= self._next()
            found += 1
        return found

    def _normal(self) -> float:
        return _NORMAL.inv_cdf(min(max(self._next(), 1e-9), 1.0 - 1e-9))
