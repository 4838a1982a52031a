"""One ordered queue of work. What was enqueued runs as late as it may: a buffer that is reused too early shows."""

from __future__ import annotations

import itertools
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ._enums import EventStatus
from ._settings import COMPLAINTS

_IDS = itertools.count(1)


@dataclass(frozen=True)
class OperationCounter:
    name: str
    current: int
    total: int


@dataclass(frozen=True)
class OperationStatus:
    state: EventStatus
    progress: float
    counters: list[OperationCounter] = field(default_factory=list)


class Task:
    """Work on the queue; done at most once."""

    def __init__(self, name: str, run: Callable[[], Any]) -> None:
        self.name, self._run = name, run
        self.done = False
        self.result: Any = None
        self.error: Exception | None = None

    def run(self) -> None:
        self.done = True
        try:
            self.result = self._run()
        except Exception as error:  # every failure is reported where the caller waits, as by the native library
            self.error = error
        self._run = _nothing


def _nothing() -> None:
    return None


class Queue:
    """The native stream: everything runs in the order it was enqueued."""

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()

    def add(self, name: str, run: Callable[[], Any]) -> Task:
        task = Task(name, run)
        self._tasks.append(task)
        return task

    def run_until(self, task: Task) -> None:
        while not task.done:
            self._tasks.popleft().run()


class Operation:
    """A call that was enqueued. It must be waited for.

    Args:
        queue: The renderer's queue.
        task: Its work.
        fetched: Whether the result is fetched in a second step (step, query, read).
    """

    def __init__(self, queue: Queue, task: Task, fetched: bool = False) -> None:
        self.op_id = next(_IDS)
        self._queue, self._task, self._fetched = queue, task, fetched
        self._answer: Any = None
        self._waited = False

    def wait(self, timeout_ns: int | None = None) -> Any:
        check_timeout(timeout_ns)
        if not self._waited:
            self._queue.run_until(self._task)
            self._waited = True
            if self._task.error is None:
                result = self._task.result
                self._answer = PendingFetch(result) if self._fetched else True if result is None else result
        if self._task.error is not None:
            lines = "\n  ".join(str(self._task.error).splitlines())
            raise RuntimeError(f"Operation '{self._task.name}' failed:\n  {lines}") from self._task.error
        return self._answer

    def query_status(self) -> OperationStatus:
        if self._waited:
            raise RuntimeError("Operation already completed — query_status is no longer available")
        return OperationStatus(EventStatus.PENDING, -1.0)

    def __del__(self) -> None:
        if not self._waited:
            self._waited = True
            problem = f"Operation '{self._task.name}' (op_id={self.op_id}) was garbage-collected without wait()."
            COMPLAINTS.append(problem)
            warnings.warn(
                f"{problem} Blocking until completion to prevent use-after-free.", ResourceWarning, stacklevel=2
            )
            self._queue.run_until(self._task)


class PendingFetch:
    """A result that lies ready and must be fetched."""

    def __init__(self, result: Any) -> None:
        self._result, self._fetched = result, False

    def fetch(self, timeout_ns: int | None = None) -> Any:
        check_timeout(timeout_ns)
        self._fetched = True
        return self._result

    def __del__(self) -> None:
        if not self._fetched:
            COMPLAINTS.append("PendingFetch was garbage-collected without fetch()")
            warnings.warn(COMPLAINTS[-1], ResourceWarning, stacklevel=2)


def check_timeout(timeout_ns: int | None) -> None:
    """0.5: a bool is no time, and it must fit in 64 bits."""
    if isinstance(timeout_ns, bool):
        raise TypeError("timeout_ns must be an integer, not bool")
    if timeout_ns is not None and timeout_ns > 2**64 - 1:
        raise OverflowError("timeout_ns does not fit in 64 bits")
