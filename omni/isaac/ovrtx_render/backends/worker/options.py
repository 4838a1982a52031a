"""How a worker process is run: ``RendererCfg.backend_options["worker"]``, checked once."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, fields
from typing import Any

from ...config import RendererCfg
from ...errors import ConfigError

__all__ = ["PYTHON_VARIABLE", "WorkerOptions", "split_options"]

PYTHON_VARIABLE = "OVRTX_RENDER_WORKER_PYTHON"
"""Environment variable that names the worker's interpreter where the options do not."""


@dataclass(frozen=True)
class WorkerOptions:
    """Options of the worker process.

    Attributes:
        python: Interpreter of the worker, of an environment that has this package and what the backend needs. None is
            that of ``OVRTX_RENDER_WORKER_PYTHON``, else the one that runs now.
        env: Environment variables of the worker that differ from those of this process; None removes one.
        log_file: File that takes what the worker prints.
        start_timeout: Longest wait for the process to start and to import what it needs [s].
        load_timeout: Longest wait for the backend to be made, for a stage, and for the first frame after it: what
            compiles kernels and shaders, for minutes when it is done for the first time [s].
        call_timeout: Longest wait for anything else [s].
        heartbeat_timeout: Longest silence of a worker during a call other than a load: it was stopped, or hangs [s].
        max_restarts: How often in a row it is started again without a frame in between.
    """

    python: str | None = None
    env: dict[str, str | None] = field(default_factory=dict)
    log_file: str | None = None
    start_timeout: float = 120.0
    load_timeout: float = 1800.0
    call_timeout: float = 120.0
    heartbeat_timeout: float = 20.0
    max_restarts: int = 3

    def __post_init__(self) -> None:
        for name in ("start_timeout", "load_timeout", "call_timeout", "heartbeat_timeout"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < 1.0e6:
                raise ConfigError(f"the worker's {name} is {value!r}; it must be a positive number of seconds")
        if isinstance(self.max_restarts, bool) or not isinstance(self.max_restarts, int) or self.max_restarts < 0:
            raise ConfigError(f"the worker's max_restarts is {self.max_restarts!r}; it must be a whole number from 0")
        for name in ("python", "log_file"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise ConfigError(f"the worker's {name} is {value!r}; it must be a path or None")
        if not isinstance(self.env, dict) or not all(
            isinstance(name, str) and (value is None or isinstance(value, str)) for name, value in self.env.items()
        ):
            raise ConfigError(f"the worker's env is {self.env!r}; it must map names to text, or to None")

    @property
    def interpreter(self) -> str:
        """Path of the interpreter to run."""
        return self.python or os.environ.get(PYTHON_VARIABLE) or sys.executable


def split_options(cfg: RendererCfg) -> tuple[WorkerOptions | None, RendererCfg]:
    """Take the worker's options out of a configuration.

    Returns:
        The options, None if no worker is asked for; and the configuration of the backend inside.

    Raises:
        ConfigError: An option is unknown, or its value cannot be used.
    """
    if "worker" not in cfg.backend_options:
        return None, cfg
    rest: dict[str, Any] = dict(cfg.backend_options)
    asked = rest.pop("worker")
    inner = cfg.replace(backend_options=rest)
    if asked is None or asked is False:
        return None, inner
    if asked is True:
        return WorkerOptions(), inner
    if not isinstance(asked, dict):
        raise ConfigError(f"backend_options['worker'] is {asked!r}; it must be True, False or a dict of its options")
    known = {item.name for item in fields(WorkerOptions)}
    unknown = sorted(set(asked) - known)
    if unknown:
        raise ConfigError(f"backend_options['worker'] has no {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    return WorkerOptions(**asked), inner
