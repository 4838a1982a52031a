"""What an error is about: it is raised deep below a camera of Isaac Lab, and must name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InputError, OvrtxRenderError

__all__ = ["about", "about_camera"]


@contextmanager
def about(what: str) -> Iterator[None]:
    """Say in whatever goes wrong what it is about."""
    try:
        yield
    except OvrtxRenderError as error:
        message = f"{what}: {error}"
        error.args = (message,)
        if isinstance(error, ImportError):
            error.msg = message  # which is what it prints
        raise
    except Exception as error:
        raise OvrtxRenderError(f"{what}: {error}") from error


@contextmanager
def about_camera(camera: str) -> Iterator[None]:
    """The same for a camera: a row of its arrays is an environment."""
    with about(f"camera {camera}"):
        try:
            yield
        except InputError as error:
            if error.row is not None:
                error.args = (f"{error} (in environment {error.row})",)
            raise
