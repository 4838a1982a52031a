"""Saving what is shown: pictures as PNG, frames as a video, written on a thread of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, MissingExtraError
from ..images import write_png

__all__ = ["Recorder", "free_name"]

_WAITING = 64
"""Frames that may wait for the encoder."""


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """The first of ``stem_0001.suffix``, ``stem_0002.suffix``, ... that does not exist."""
    number = 1
    while (path := folder / f"{stem}_{number:04d}{suffix}").exists():
        number += 1
    return path


def _open_video(path: Path, fps: float) -> Any:
    try:
        import imageio.v2 as imageio
        import imageio_ffmpeg  # noqa: F401  (imageio finds it by itself; without it, it fails late and unclearly)
    except ImportError:
        raise MissingExtraError("imageio[ffmpeg]", "video", "recording a video") from None
    # Blocks of 16 pixels are not needed by H.264; without this imageio scales the picture.
    return imageio.get_writer(path, fps=fps, codec="libx264", quality=8, macro_block_size=2)


class Recorder:
    """Writes pictures and videos.

    Args:
        folder: Where they go; made when something is written.
        fps: Frames per second of videos.
        open_video: Opens a video file; has ``append_data(picture)`` and ``close()``. None is imageio with ffmpeg.

    Attributes:
        path: The video that is written now, or None.
        frames: Frames of it that were taken.
        dropped: Frames that were left out because the encoder was too slow.
        problem: Why the last thing was not written, or empty.
        written: Files that were finished.
    """

    def __init__(self, folder: Path, fps: float = 30.0, open_video: Callable[[Path, float], Any] | None = None) -> None:
        self.folder = Path(folder)
        self.fps = fps
        self.path: Path | None = None
        self.frames = 0
        self.dropped = 0
        self.problem = ""
        self.written: list[Path] = []
        self._open = open_video or _open_video
        self._queue: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._size: tuple[int, int] = (0, 0)

    @property
    def recording(self) -> bool:
        """Whether a video is being taken."""
        return self.path is not None

    @property
    def finishing(self) -> bool:
        """Whether the encoder still works on a video that was stopped."""
        return self.path is None and self._thread is not None and self._thread.is_alive()

    def save_png(self, picture: np.ndarray, stem: str = "tiles") -> Path:
        """Write a picture under a new name and hand the name back.

        Raises:
            MissingExtraError: Pillow is not installed.
            InputError: The file cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = free_name(self.folder, stem, ".png")
            write_png(path, picture)
        except OSError as error:
            raise InputError(f"no picture can be written into {self.folder}: {error}") from error
        self.written.append(path)
        return path

    def start(self, stem: str = "tiles") -> Path:
        """Begin a video under a new name and hand the name back.

        Raises:
            MissingExtraError: The encoder is not installed.
            InputError: A video is being taken already, or the file cannot be written.
        """
        if self.path is not None:
            raise InputError(f"{self.path.name} is being recorded; stop it first")
        if self.finishing:
            raise InputError("the last video is still being written; wait for it")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = free_name(self.folder, stem, ".mp4")
            writer = self._open(path, self.fps)
        except OSError as error:
            raise InputError(f"no video can be written into {self.folder}: {error}") from error
        self.path, self.frames, self.dropped, self.problem, self._size = path, 0, 0, "", (0, 0)
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._write, args=(writer, path, self._queue), name="ovrtx-render video", daemon=True
        )
        self._thread.start()
        return path

    def add(self, picture: np.ndarray) -> None:
        """Add an (H, W, 3 or 4) uint8 frame. Later frames are cropped or padded to the size of the first."""
        if self.path is None:
            return
        if self._size == (0, 0):
            self._size = (picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2)  # H.264 wants even sizes
        height, width = self._size
        frame = np.zeros((height, width, 3), np.uint8)
        part = picture[:height, :width, :3]
        frame[: part.shape[0], : part.shape[1]] = part
        if self._queue.qsize() >= _WAITING:
            self.dropped += 1
            return
        self._queue.put(frame)
        self.frames += 1

    def stop(self) -> Path | None:
        """End the video and hand its name back; the encoder finishes what waits for it meanwhile."""
        path, self.path = self.path, None
        if path is not None:
            self._queue.put(None)
        return path

    def close(self, timeout: float = 20.0) -> bool:
        """End the video and wait for the encoder; False if it was not done within ``timeout`` seconds."""
        self.stop()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _write(self, writer: Any, path: Path, frames: queue.SimpleQueue[np.ndarray | None]) -> None:
        problem = ""
        while (frame := frames.get()) is not None:
            try:
                if not problem:
                    writer.append_data(frame)
            except Exception as error:  # whatever the encoder does: the viewer goes on, and says so
                problem = self.problem = f"{path.name} ends early: {error}"
        writer.close()
        if not problem:
            self.written.append(path)
