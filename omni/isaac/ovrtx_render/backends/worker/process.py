"""The parent's side of a worker process: started, asked, watched, ended. Every wait has a limit."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from ...errors import BackendUnavailableError, ConfigError, WorkerError
from .environment import worker_environment
from .options import WorkerOptions
from .wire import BEAT, as_error, pack, receive

__all__ = ["WorkerProcess"]

_BOOT = str(Path(__file__).with_name("boot.py"))
_SMALL = 32768
"""Bytes that a pipe takes without anybody reading."""


class WorkerProcess:
    """One process, from its start to its end; it is never started again.

    Args:
        options: How to run it.

    Raises:
        BackendUnavailableError: The interpreter cannot be started.
        ConfigError: The log file cannot be written.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.Queue[bytes | None] = queue.Queue()
        self._lines: deque[str] = deque(maxlen=20)
        self._beat = time.monotonic()
        self._next = 1
        self._ended = ""
        self._started = threading.Event()
        self._problem = ""
        self._log_file = _open_log(options.log_file)
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._feeder: threading.Thread | None = None
        # The kernel ends the worker with the thread that started it, so that thread lives as long as the worker.
        self._thread = threading.Thread(target=self._run, name="ovrtx-render-worker", daemon=True)
        self._thread.start()
        if not self._started.wait(options.start_timeout):
            self._ended = "it was not started in time"
            raise BackendUnavailableError(
                f"the worker's interpreter {options.interpreter!r} was not started within {options.start_timeout} s"
            )
        if self._problem:
            raise BackendUnavailableError(
                f"the worker's interpreter {options.interpreter!r} cannot be started: {self._problem}; "
                "name another one in backend_options['worker']['python']"
            )

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._ended and self._process is not None and self._process.poll() is None

    def ask(self, method: str, *arguments: Any, limit: float, silence: float, option: str = "") -> Any:
        """Call a method of the worker's host and wait for its answer.

        Args:
            method: Name of the method.
            arguments: Its arguments; they are pickled.
            limit: Longest wait [s].
            silence: Longest time without a sign of life [s].
            option: Name of the option that ``limit`` comes from, for the error.

        Raises:
            WorkerError: The worker ended, was ended, or did not answer in time (and was ended then).
            OvrtxRenderError: What the method raised.
        """
        if not self.alive:
            raise self.loss(f"before it was asked to {method}")
        number, self._next = self._next, self._next + 1
        self._send(pack((number, method, arguments)))
        begin = self._beat = time.monotonic()
        while True:
            now = time.monotonic()
            quiet = silence - (now - self._beat)
            wait = min(limit - (now - begin), quiet)
            try:
                message = self._inbox.get(timeout=max(wait, 0.0))
            except queue.Empty:
                if time.monotonic() - begin < limit and time.monotonic() - self._beat < silence:
                    continue
                self.kill()
                what, why = "did not answer", option
                if quiet < limit - (now - begin):
                    what, why = "gave no sign of life", "heartbeat_timeout"
                hint = f" (if it only needs longer, raise its {why})" if why else ""
                raise self.loss(f"{what} for {time.monotonic() - begin:.1f} s when asked to {method}{hint}") from None
            if message is None:
                self._wait_for_end()
                raise self.loss(f"while it was asked to {method}")
            answered, problem, result = message
            if answered != number:  # the answer to a call that was interrupted
                continue
            if problem is not None:
                raise as_error(*problem)
            return result

    def loss(self, when: str) -> WorkerError:
        """What happened to the worker, as an exception; it cannot be asked any more."""
        if not self._ended:
            code = self._process.poll() if self._process is not None else None
            if code is None:
                self._ended = "it was ended"
            elif code < 0:
                self._ended = f"it was ended by signal {-code}"
            else:
                self._ended = f"it exited with code {code}"
        if self._reader is not None and not self.alive:
            self._reader.join(1.0)  # its last words may be on their way
        log = "\n  ".join(self._lines) or "(nothing)"
        return WorkerError(
            f"the worker process {self.pid} is lost, {when}: {self._ended}. The next call starts another one and loads "
            f"the stage again. It printed last:\n  {log}"
        )

    def close(self, limit: float = 10.0) -> None:
        """Let it finish, or end it after ``limit`` seconds. May be called twice."""
        if self.alive:
            try:
                self.ask("close", limit=limit, silence=limit)
            except Exception as error:  # it is ended below whatever it says
                self._lines.append(f"closing: {error}")
        self._outbox.put(None)
        self._wait_for_end(2.0)
        self.kill()

    def kill(self) -> None:
        """End it at once, stopped or not."""
        if self._process is not None and self._process.poll() is None:
            self._ended = self._ended or "it was ended because it did not answer"
            self._process.kill()
            self._wait_for_end()
        self._outbox.put(None)

    def _wait_for_end(self, limit: float = 10.0) -> None:
        assert self._process is not None
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            self._process.kill()

    # -- threads ----------------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        """Small messages go out at once; a thread of its own waits for a pipe that is full.

        A message that is still going out is one of a call that was interrupted, from the keyboard for example.
        """
        if len(data) > _SMALL or self._outbox.unfinished_tasks:
            self._outbox.put(data)
            return
        self._write(data)

    def _write(self, data: bytes) -> bool:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError):  # it ended; whoever waits for an answer is told
            return False
        return True

    def _run(self) -> None:
        """Start the process, then read what it answers until it ends."""
        try:
            self._process = subprocess.Popen(
                [self._options.interpreter, "-P", _BOOT],  # -P: the script's folder is no place to import from
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(self._options),
                start_new_session=True,  # the keyboard interrupt of a terminal is not for it
            )
        except (OSError, ValueError) as error:
            self._problem = getattr(error, "strerror", None) or str(error)
            if self._log_file is not None:
                self._log_file.close()
            self._started.set()
            return
        if self._ended:  # nobody waits for it any more
            self._process.kill()
        self._feeder = threading.Thread(target=self._feed, name="ovrtx-render-worker-feed", daemon=True)
        self._reader = threading.Thread(target=self._log, name="ovrtx-render-worker-log", daemon=True)
        self._feeder.start()
        self._reader.start()
        self._started.set()
        out: BinaryIO = self._process.stdout  # type: ignore[assignment]
        with out:
            try:
                while True:
                    message = receive(out)
                    self._beat = time.monotonic()
                    if message[0] != BEAT:
                        self._inbox.put(message)
            except EOFError:
                pass
            except Exception as error:  # somebody else printed into the pipe
                self._ended = f"it was ended because what it sent is no message ({error})"
                self._process.kill()
        self._inbox.put(None)

    def _feed(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        while (data := self._outbox.get()) is not None and self._write(data):
            self._outbox.task_done()
        with suppress(OSError):  # it ended, with part of a message before it
            self._process.stdin.close()

    def _log(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip()
                self._lines.append(text)
                if self._log_file is not None:
                    try:
                        self._log_file.write(text + "\n")
                        self._log_file.flush()
                    except OSError as error:  # a full disk, say; the worker must go on printing all the same
                        self._lines.append(f"(the log file cannot be written: {error.strerror})")
                        self._log_file = None
        if self._log_file is not None:
            self._log_file.close()


def _open_log(path: str | None) -> IO[str] | None:
    try:
        return open(path, "a", encoding="utf-8") if path else None
    except OSError as error:
        raise ConfigError(f"the worker's log_file {path!r} cannot be written: {error.strerror}") from error
