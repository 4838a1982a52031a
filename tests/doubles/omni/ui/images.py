"""Image providers, and the widget that shows what one provides."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .contract import Prop, require_main_thread
from .enums import Alignment, IwpFillPolicy, TextureFormat
from .widgets import Widget

__all__ = ["ByteImageProvider", "ImageProvider", "ImageWithProvider"]


class ImageProvider:
    """Something that has an image."""

    def __init__(self) -> None:
        require_main_thread()
        self._sizes = (0, 0)
        self._dead = False

    def destroy(self) -> None:
        """Free the texture."""
        require_main_thread()
        self._dead = True

    @property
    def width(self) -> int:
        return self._sizes[0]

    @property
    def height(self) -> int:
        return self._sizes[1]

    @property
    def is_reference_valid(self) -> bool:
        return self._sizes != (0, 0) and not self._dead


class ByteImageProvider(ImageProvider):
    """Takes bytes. As on a GPU, they are read some time after the call: when the next frame is drawn."""

    strict_supported: ClassVar[bool] = False
    """Kit 110 has the argument ``strict``, Kit 107 does not."""
    read_gpu: ClassVar[Callable[[int, int], bytes]] = ctypes.string_at
    """Reads (pointer, count) bytes. Without a GPU tests hand in memory of the host; with one they set what reads it."""
    uploads: ClassVar[int] = 0
    """How many images were handed over, by all providers."""

    def __init__(self) -> None:
        super().__init__()
        self._read: Any = None

    def set_bytes_data(
        self, bytes: Any, sizes: list[int], format: Any = TextureFormat.RGBA8_UNORM, stride: int = -1, **new: Any
    ) -> None:
        count = self._check(sizes, format, stride, new)
        view = memoryview(bytes)
        if not view.c_contiguous or view.format != "B" or view.ndim != 1:
            raise TypeError(f"the bytes must be one flat, contiguous row of uint8; got {view.format!r}, {view.ndim}-d")
        if len(view) != count:
            raise ValueError(f"{len(view)} bytes for an image of {sizes}; expected {count}")
        self._take(sizes, lambda: np.frombuffer(view, np.uint8).copy())

    def set_data_array(self, bytes: np.ndarray, sizes: list[int], /) -> None:
        """The real one copies ``width * height * 4`` bytes from where the array starts, whatever its shape and type."""
        count = self._check(sizes, TextureFormat.RGBA8_UNORM, -1, {})
        if not isinstance(bytes, np.ndarray) or bytes.dtype != np.uint8 or not bytes.flags.c_contiguous:
            raise TypeError("set_data_array() takes a contiguous numpy array of uint8")
        if bytes.size != count:
            raise ValueError(f"{bytes.size} bytes for an image of {sizes}; expected {count}")
        self._take(sizes, lambda: bytes.reshape(-1).copy())

    def set_bytes_data_from_gpu(
        self, gpu_bytes: int, sizes: list[int], format: Any = TextureFormat.RGBA8_UNORM, stride: int = -1, **new: Any
    ) -> None:
        count = self._check(sizes, format, stride, new)
        if isinstance(gpu_bytes, bool) or not isinstance(gpu_bytes, int) or gpu_bytes == 0:
            raise TypeError(f"the pointer must be an int other than 0, not {gpu_bytes!r}")
        read = type(self).read_gpu
        self._take(sizes, lambda: np.frombuffer(read(gpu_bytes, count), np.uint8))

    def _check(self, sizes: list[int], format: Any, stride: int, new: dict[str, Any]) -> int:
        require_main_thread()
        if self._dead:
            raise RuntimeError("the ByteImageProvider is used after it was destroyed")
        if set(new) - ({"strict"} if self.strict_supported else set()):
            raise TypeError(f"unexpected arguments {sorted(new)}")
        if not isinstance(sizes, list) or len(sizes) != 2 or not all(type(size) is int and size > 0 for size in sizes):
            raise TypeError(f"sizes must be [width, height], two ints above 0; got {sizes!r}")
        if format is not TextureFormat.RGBA8_UNORM or stride != -1:
            raise ValueError("this double knows tight RGBA8_UNORM only")
        return sizes[0] * sizes[1] * 4

    def _take(self, sizes: list[int], read: Any) -> None:
        self._sizes = (sizes[0], sizes[1])
        self._read = read
        ByteImageProvider.uploads += 1

    def _image(self) -> np.ndarray | None:
        """(H, W, 4) uint8 as it would be drawn now."""
        if self._read is None or self._dead:
            return None
        return self._read().reshape(self.height, self.width, 4)


class ImageWithProvider(Widget):
    """Shows a provider's image; somebody else must keep the provider."""

    fill_policy = Prop(IwpFillPolicy, default=IwpFillPolicy.IWP_PRESERVE_ASPECT_FIT)
    alignment = Prop(Alignment, default=Alignment.CENTER)
    pixel_aligned = Prop(bool, default=False)

    def __init__(self, provider: ImageProvider | str, **arguments: Any) -> None:
        if not isinstance(provider, (ImageProvider, str)):
            raise TypeError(f"ImageWithProvider takes a provider or a URL, not {provider!r}")
        self._provider = weakref.ref(provider) if isinstance(provider, ImageProvider) else None
        super().__init__(**arguments)

    def prepare_draw(self, width: float, height: float) -> None:
        self._check_alive()

    def _image(self) -> np.ndarray | None:
        provider = self._provider() if self._provider is not None else None
        if provider is None:
            raise RuntimeError(f"nobody kept the provider of the image {self.identifier!r}")
        return provider._image() if isinstance(provider, ByteImageProvider) else None
