"""A picture in an omni.ui window: one provider, uploaded from the GPU where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import omni.ui as ui

from .canvas import Picture

__all__ = ["ImageView"]


class ImageView:
    """A widget that shows the newest picture; without one it is not there. The application's thread makes and feeds it.

    Args:
        report: Called once with the reason if pictures cannot be uploaded from the GPU.
        arguments: Arguments of the widget.

    Attributes:
        widget: The widget.
        from_gpu: Whether the last picture went to the window without a host copy.
    """

    def __init__(self, report: Callable[[str], None] | None = None, **arguments: Any) -> None:
        self._provider = ui.ByteImageProvider()
        self._report = report
        self._kept: Any = None
        self._gpu_works = True
        self.from_gpu = False
        self.widget = ui.ImageWithProvider(
            self._provider, fill_policy=ui.IwpFillPolicy.IWP_STRETCH, pixel_aligned=True, visible=False, **arguments
        )

    def show(self, picture: Picture) -> None:
        """Hand a picture to the window."""
        sizes = [picture.width, picture.height]
        device: Any = picture.pixels.device
        self.from_gpu = False
        # The window's textures are on the first GPU; from another one a pointer would be garbage.
        if device.is_cuda and device.ordinal == 0 and self._gpu_works:
            try:
                self._provider.set_bytes_data_from_gpu(int(picture.pixels.ptr), sizes, ui.TextureFormat.RGBA8_UNORM)
                # It is read after the call, by another thread: it is kept until the next picture.
                self._kept, self.from_gpu = picture, True
                self.widget.visible = True
                return
            except Exception as error:  # whatever the driver or this Kit says: the slow way works everywhere
                self._gpu_works = False
                if self._report is not None:
                    self._report(f"pictures go through the host, the GPU upload failed: {error}")
        self.show_pixels(picture.host())

    def show_pixels(self, pixels: np.ndarray) -> None:
        """Hand an (H, W, 4) uint8 picture of the host to the window."""
        self._kept = np.ascontiguousarray(pixels, np.uint8)
        sizes = [pixels.shape[1], pixels.shape[0]]
        if hasattr(self._provider, "set_data_array"):
            self._provider.set_data_array(self._kept, sizes)
        else:  # one Python number after the other: a hundred times slower
            self._provider.set_bytes_data(self._kept.reshape(-1).data, sizes)
        self.widget.visible = True

    def hide(self) -> None:
        """Show nothing, and let the last picture go."""
        self._kept = None
        self.widget.visible = False

    def destroy(self) -> None:
        """Free the provider; may be called twice."""
        if self._provider is not None:
            self._provider.destroy()
        self._provider = self._kept = self._report = None
