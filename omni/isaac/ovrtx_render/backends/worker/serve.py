"""The worker's side: a loop that answers one request after the other, a heartbeat, and an end with its parent."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any, BinaryIO

from .wire import BEAT, as_message, pack, receive

__all__ = ["main"]

_BEAT_EVERY = 0.25
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until told to close, or until the parent is gone."""
    _end_with_parent()
    # Native libraries print to standard output; messages keep it to themselves.
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    try:
        _Server(sys.stdin.buffer, messages).run()
    except BaseException:  # a package that is missing, say
        traceback.print_exc()
    _leave(1)


def _leave(code: int) -> None:
    """End at once: threads are still waiting on pipes, so nothing is torn down in an orderly way any more."""
    sys.stderr.flush()
    os._exit(code)


def _end_with_parent() -> None:
    """Have the kernel end this process with its parent, however deep in native code it is then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Server:
    """Answers the requests that come in.

    Args:
        requests: Where they come from.
        answers: Where the answers go.
    """

    def __init__(self, requests: BinaryIO, answers: Any) -> None:
        self._requests, self._answers = requests, answers
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._beat = threading.Event()

    def run(self) -> None:
        for target in (self._listen, self._live):
            threading.Thread(target=target, daemon=True).start()
        from .host import Host

        host = Host()
        while True:
            number, method, arguments = self._inbox.get()
            try:
                result, problem = getattr(host, method)(*arguments), None
            except Exception as error:  # every error is the caller's to see
                result, problem = None, as_message(error, traceback.format_exc())
            self._send((number, problem, result))
            if method == "close":
                _leave(0)

    def _send(self, message: Any) -> None:
        data = memoryview(pack(message))
        with self._lock:
            try:
                while data:
                    data = data[self._answers.write(data) :]
            except OSError:  # the parent is gone
                os._exit(0)

    def _listen(self) -> None:
        try:
            while True:
                self._inbox.put(receive(self._requests))
        except (EOFError, OSError):  # the parent is gone
            os._exit(0)
        except Exception:  # a message that cannot be read, so that nobody would ever answer it
            traceback.print_exc()
            _leave(1)

    def _live(self) -> None:
        while not self._beat.wait(_BEAT_EVERY):
            self._send((BEAT, None, None))
