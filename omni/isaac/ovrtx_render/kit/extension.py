"""What Kit starts when the extension is enabled, and stops when it is disabled."""

from __future__ import annotations

import omni.ext

from .service import Service

__all__ = ["OvrtxRenderExtension"]


class OvrtxRenderExtension(omni.ext.IExt):
    """Starts the service; see :mod:`omni.isaac.ovrtx_render.kit.service`."""

    _service: Service | None = None

    def on_startup(self, ext_id: str) -> None:
        """Called by Kit.

        Args:
            ext_id: Name and version, e.g. ``omni.isaac.ovrtx_render-0.1.0``.
        """
        self._service = Service(omni.ext.get_extension_name(ext_id))
        self._service.start()

    def on_shutdown(self) -> None:
        """Called by Kit; what was started is undone, whatever the state it is in."""
        service, self._service = self._service, None
        if service is not None:
            service.stop()
