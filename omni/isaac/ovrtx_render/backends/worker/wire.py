"""What goes over the pipes between the two processes: pickled messages, each behind its length."""

from __future__ import annotations

import pickle
import struct
from typing import Any, BinaryIO

from ... import errors
from ...errors import BackendFailedError, OvrtxRenderError

__all__ = ["BEAT", "as_error", "as_message", "pack", "receive"]

BEAT = 0
"""Id of a message that only says that the worker lives; requests count from 1."""

_LENGTH = struct.Struct("<Q")
_LONGEST = 1 << 48
"""More bytes than any message has, and fewer than eight characters of text make."""


def pack(message: Any) -> bytes:
    """The bytes of a message."""
    body = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(body)) + body


def receive(stream: BinaryIO) -> Any:
    """Wait for the next message.

    Raises:
        EOFError: The other side closed the pipe.
        ValueError: What came is no message.
    """
    head = _exactly(stream, _LENGTH.size)
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST:
        raise ValueError(f"it begins with {head!r}")
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError("the pipe was closed")
    return data


def as_message(error: BaseException, trace: str) -> tuple[str, str]:
    """An exception as class name and text; one that is not ours carries its traceback."""
    if isinstance(error, OvrtxRenderError):
        return type(error).__name__, str(error)
    return "", f"the worker failed:\n{trace.strip()}"


def as_error(name: str, text: str) -> OvrtxRenderError:
    """The exception that a message is about."""
    kind = getattr(errors, name, BackendFailedError) if name in errors.__all__ else BackendFailedError
    error: OvrtxRenderError = kind.__new__(kind)
    error.args = (text,)
    return error
