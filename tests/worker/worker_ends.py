"""How tests end worker processes, and see that they are gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from omni.isaac.ovrtx_render.backends.worker.process import WorkerProcess

__all__ = ["at_call", "gone", "kill"]


@contextmanager
def at_call(method: str, do: Callable[[int], None]) -> Iterator[list[int]]:
    """Do something to the worker when it is next asked for ``method``: the worker does not see the call before."""
    done: list[int] = []
    ask = WorkerProcess.ask

    def asked(self: WorkerProcess, name: str, *arguments: Any, **options: Any) -> Any:
        if name == method and not done:
            done.append(self.pid)
            os.kill(self.pid, signal.SIGSTOP)
            do(self.pid)
        return ask(self, name, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorkerProcess, "ask", asked)
        yield done


def kill(pid: int) -> None:
    """End a process while its parent waits for it."""
    threading.Timer(0.1, os.kill, (pid, signal.SIGKILL)).start()


def gone(pid: int, limit: float = 10.0) -> bool:
    """Whether a process ends within some seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
