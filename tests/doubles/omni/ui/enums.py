"""The enumerations that the window uses, with their members' names."""

from __future__ import annotations

from enum import Enum, IntEnum

__all__ = [
    "Alignment",
    "CircleSizePolicy",
    "DockPolicy",
    "DockPosition",
    "DockPreference",
    "IwpFillPolicy",
    "RasterPolicy",
    "ScrollBarPolicy",
    "TextureFormat",
    "Type",
]

Alignment = Enum(
    "Alignment",
    "LEFT LEFT_TOP LEFT_CENTER LEFT_BOTTOM CENTER_TOP CENTER CENTER_BOTTOM RIGHT RIGHT_TOP RIGHT_CENTER RIGHT_BOTTOM"
    " TOP BOTTOM H_CENTER V_CENTER",
)
CircleSizePolicy = Enum("CircleSizePolicy", "STRETCH FIXED")
DockPolicy = Enum("DockPolicy", "DO_NOTHING CURRENT_WINDOW_IS_ACTIVE TARGET_WINDOW_IS_ACTIVE")
DockPosition = Enum("DockPosition", "LEFT RIGHT TOP BOTTOM SAME")
DockPreference = Enum("DockPreference", "DISABLED MAIN RIGHT LEFT RIGHT_TOP RIGHT_BOTTOM LEFT_BOTTOM")
IwpFillPolicy = Enum("IwpFillPolicy", "IWP_STRETCH IWP_PRESERVE_ASPECT_FIT IWP_PRESERVE_ASPECT_CROP")
RasterPolicy = Enum("RasterPolicy", "NEVER ON_DEMAND AUTO")
ScrollBarPolicy = Enum("ScrollBarPolicy", "SCROLLBAR_AS_NEEDED SCROLLBAR_ALWAYS_OFF SCROLLBAR_ALWAYS_ON")
Type = Enum("Type", "LINE HISTOGRAM LINE2D")


class TextureFormat(IntEnum):
    """Formats of pixels; RGB without alpha does not exist."""

    RGBA8_UNORM = 11
