"""Threads that share a piece of work with whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["Crew"]

T = TypeVar("T")


class Crew:
    """A number of threads, of which the caller's is one.

    A caller that only waited would be one thread more than there are cores: while it wakes the others, two of them may
    land on one core, and a scheduler takes milliseconds to part them.

    Args:
        size: How many threads work at once, at least one.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool = ThreadPoolExecutor(size - 1, "ovrtx-render") if size > 1 else None

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do jobs side by side, the first of them here; their results, in order.

        Whatever one of them raises comes once all have ended, so that nothing still writes where the caller goes on.
        """
        if self._pool is None or len(jobs) < 2:
            return [job() for job in jobs]
        others = [self._pool.submit(job) for job in jobs[1:]]
        try:
            first = jobs[0]()
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
