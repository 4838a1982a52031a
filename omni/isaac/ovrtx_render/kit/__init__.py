"""The Kit extension: stage and render events, settings, window and registration around one view-model.

How it fits together: ``extension.py`` is what Kit starts and stops; it makes one ``service.Service``, which has an
object for everything that must be undone again: ``stage_events`` (which stage is open), ``drivers`` (when to draw),
``settings``, ``poses`` and ``fabric`` (where bodies are while physics plays), ``registration`` (Isaac Lab) and
``interface`` (window, menu, actions). This is the only folder that imports ``carb`` and ``omni.kit``; it needs Kit.
"""

from __future__ import annotations

from .extension import OvrtxRenderExtension
from .service import running

__all__ = ["OvrtxRenderExtension", "running"]
