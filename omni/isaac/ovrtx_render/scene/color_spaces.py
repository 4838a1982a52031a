"""Colour spaces that colours and textures may be in, and their way to linear Rec. 709, in which everything is shaded.

Names, transfer functions and matrices are those of MaterialX (``libraries/cmlib/cmlib_ng.mtlx``), with the names that
OpenUSD's own colour spaces have for the same. The matrix of Display P3 is written the other way round there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["ColorSpace", "color_space", "linear_to_srgb", "srgb_to_linear"]

_AP1 = (
    (1.705050992658, -0.130256417507, -0.024003356805),
    (-0.621792120657, 1.140804736575, -0.128968976065),
    (-0.083258872001, -0.010548319068, 1.15297233287),
)
_ADOBE = ((1.39835574, 0.0, 0.0), (-0.398355744, 1.0, -0.0429289893), (0.0, 0.0, 1.04292899))
_P3 = (
    (1.22493029, -0.04205868, -0.01964128),
    (-0.22492968, 1.04205894, -0.07864794),
    (0.00000006, -0.00000001, 1.09828925),
)
_SRGB = 0.0


@dataclass(frozen=True)
class ColorSpace:
    """How values are encoded.

    Attributes:
        gamma: Exponent that gives linear values; 0 is the sRGB function.
        matrix: Rows by which linear values are multiplied (``rgb @ matrix``) to be Rec. 709; None: they are.
    """

    gamma: float = 1.0
    matrix: tuple[tuple[float, float, float], ...] | None = None

    @property
    def encoding(self) -> str:
        """``raw`` or ``sRGB`` if a texture is stored so as it is, else an empty string: it must be converted."""
        if self.matrix is not None:
            return ""
        # The function of sRGB stands for 2.2: they differ by less than texels of 8 bits can show, but in the darkest.
        return {1.0: "raw", _SRGB: "sRGB", 2.2: "sRGB"}.get(self.gamma, "")

    def to_linear(self, values: np.ndarray) -> np.ndarray:
        """(..., 3) values -> linear Rec. 709; what that cannot show is negative there."""
        values = np.asarray(values, np.float64)
        if self.gamma == _SRGB:
            values = srgb_to_linear(values)
        elif self.gamma != 1.0:
            values = np.maximum(values, 0.0) ** self.gamma
        return values if self.matrix is None else values @ np.array(self.matrix)


_LINEAR, _ENCODED = ColorSpace(), ColorSpace(_SRGB)
_G18, _G22, _DISPLAY = ColorSpace(1.8), ColorSpace(2.2), ColorSpace(2.4)
_SPACES = {
    **dict.fromkeys(("raw", "linear", "data", "non-color", "identity", "lin_rec709", "lin_srgb"), _LINEAR),
    **dict.fromkeys(("srgb", "srgb_texture", "srgb_rec709"), _ENCODED),
    **dict.fromkeys(("g22_rec709", "gamma22"), _G22),
    **dict.fromkeys(("g18_rec709", "gamma18"), _G18),
    "rec709_display": _DISPLAY,
    **dict.fromkeys(("acescg", "lin_ap1"), ColorSpace(1.0, _AP1)),
    "g22_ap1": ColorSpace(2.2, _AP1),
    "srgb_ap1": ColorSpace(_SRGB, _AP1),
    "lin_adobergb": ColorSpace(1.0, _ADOBE),
    **dict.fromkeys(("adobergb", "g22_adobergb"), ColorSpace(563.0 / 256.0, _ADOBE)),
    **dict.fromkeys(("lin_displayp3", "lin_p3d65"), ColorSpace(1.0, _P3)),
    **dict.fromkeys(("srgb_displayp3", "srgb_p3d65"), ColorSpace(_SRGB, _P3)),
}


def color_space(name: str) -> ColorSpace | None:
    """The colour space of a name, upper case or not; None if it is not known, or is none of its own (``auto``)."""
    name = name.lower().removesuffix("_scene")
    return _SPACES.get(name) or (_ENCODED if name.startswith("srgb") else None)


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: np.ndarray) -> np.ndarray:
    """Linear to sRGB (IEC 61966-2-1), both in [0, 1]: what exceeds that is cut."""
    values = np.clip(values, 0.0, 1.0)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1.0 / 2.4) - 0.055)
