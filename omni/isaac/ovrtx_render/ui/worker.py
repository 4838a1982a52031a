"""One job at a time on a thread of its own, so that the application's update never waits."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Outcome", "Worker"]

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of a job: its result, or the exception it raised."""

    result: T | None = None
    error: Exception | None = None


class Worker(Generic[T]):
    """Runs one job at a time; the caller asks now and then what became of it.

    Args:
        name: Name of the thread, for debuggers.
        inline: Run jobs in the caller's thread instead, before :meth:`submit` returns.

    Attributes:
        busy: Whether a job is running.
        closed: Whether :meth:`close` was called.
    """

    def __init__(self, name: str, inline: bool = False) -> None:
        self._name = name
        self._inline = inline
        self._jobs: queue.SimpleQueue[Callable[[], T] | None] = queue.SimpleQueue()
        self._outcome: Outcome[T] | None = None
        self._thread: threading.Thread | None = None
        self.closed = False
        self.busy = False

    def submit(self, job: Callable[[], T], here: bool = False) -> bool:
        """Start a job; False, and nothing happens, if another one is running or the worker is closed.

        Args:
            job: The job.
            here: Run it in the caller's thread, before this returns.
        """
        if self.busy or self.closed:
            return False
        self.busy = True
        if self._inline or here:
            self._run(job)
            return True
        if self._thread is None:
            # A daemon: a job that never ends must not keep the application from quitting.
            self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
            self._thread.start()
        self._jobs.put(job)
        return True

    def take(self) -> Outcome[T] | None:
        """What became of the job that ended since the last call, or None."""
        outcome, self._outcome = self._outcome, None
        return outcome

    def close(self, timeout: float = 10.0) -> bool:
        """Let the running job end and stop; False if it did not within ``timeout`` seconds. May be called twice."""
        self.closed = True
        if self._thread is None:
            return True
        self._jobs.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self, job: Callable[[], T]) -> None:
        try:
            self._outcome = Outcome(result=job())
        except Exception as error:  # whatever it is: the thread lives on, and the caller is told
            self._outcome = Outcome(error=error)
        self.busy = False

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._run(job)
            del job  # what it holds (buffers, a renderer) is not kept alive while waiting
