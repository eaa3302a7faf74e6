"""Intervals around shares: Wilson's 95 % score interval (R15, GC-18)."""

from functools import lru_cache


@lru_cache(maxsize=65_536)
def wilson(x: int, n: int) -> tuple[float, float] | None:
    """Lower and upper bound of the share x/n with 95 % confidence; None without any case."""
    if n <= 0:
        return None
    from statsmodels.stats.proportion import proportion_confint  # slow to import, so only where it is needed

    low, high = proportion_confint(x, n, alpha=0.05, method="wilson")
    return max(0.0, float(low)), min(1.0, float(high))
