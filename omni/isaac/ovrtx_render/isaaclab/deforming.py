"""Meshes that deform: the points of Isaac Lab's scene data provider, written into the renderer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import warp as wp

from ..errors import SceneError

if TYPE_CHECKING:
    from ..renderer import TiledRenderer

__all__ = ["DeformingMeshes"]


class DeformingMeshes:
    """Cloths, soft bodies and cables of the running simulation.

    Args:
        renderer: The renderer.
        provider: Isaac Lab's scene data provider.
        device: Warp device of the simulation.

    Raises:
        SceneError: A mesh of the simulation is not drawn, or has other points on the stage.
    """

    def __init__(self, renderer: TiledRenderer, provider: Any, device: str) -> None:
        self._provider, self._stamp = provider, None
        counts = _point_counts(provider.backend)
        self._binding = renderer.bind_points(list(counts)) if counts else None
        if self._binding is None:
            return
        begin = self._binding.begin
        for i, (path, count) in enumerate(counts.items()):
            if begin[i + 1] - begin[i] != count:
                raise SceneError(
                    f"{path} has {begin[i + 1] - begin[i]} points on the stage but {count} in the simulation; "
                    "give the visual mesh the points of the simulation mesh"
                )
        self._offsets = {path: int(begin[i]) for i, path in enumerate(counts)}
        self._points = wp.empty(int(begin[-1]), dtype=wp.vec3, device=device)

    def refresh(self) -> None:
        """Write the points of now into the renderer, if they are new."""
        if self._binding is None:
            return
        self._provider.get_geometry_points(output=self._points, offsets=self._offsets)
        # Asking brings the points up to date, so the timestamp is read after it.
        stamp = self._provider.backend.geometry_timestamp
        if stamp != self._stamp:
            self._binding.write(self._points)
            self._stamp = stamp


def _point_counts(backend: Any) -> dict[str, int]:
    """Number of points of each mesh that deforms, by path, in the order of the provider."""
    if hasattr(backend, "get_geometry_batches"):  # as released in 3.0.0
        batches = backend.get_geometry_batches()
        return {path: count for _, ranges in batches for path, (_, count) in ranges.items()}
    return dict(zip(backend.geometry_paths, map(int, backend.geometry_counts), strict=True))
