"""Pictures of two routes, compared."""

from __future__ import annotations

from typing import Any

import numpy as np


def images_of(bundle: Any) -> dict[str, np.ndarray]:
    """The buffers of a bundle as numpy, copied."""
    return {name: buffer.numpy().copy() for name, buffer in bundle.outputs.items()}


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], share: float = 0.0) -> None:
    """Every output is the same, pixel for pixel.

    ``rgb_hdr`` goes through half precision on its way. Where poses were written, the routes round otherwise (one goes
    through double precision): ``share`` is then the share of pixels, at edges, that may differ by more than a rounding.
    """
    assert found.keys() == expected.keys()
    for name, image in expected.items():
        other = found[name]
        assert other.shape == image.shape and other.dtype == image.dtype, name
        if name == "rgb_hdr":
            same = np.isclose(other, image, rtol=1e-3, atol=1e-6)
        elif share and image.dtype == np.float32:
            same = np.isclose(other, image, rtol=1e-4, atol=1e-5)
        elif share and image.dtype == np.uint8:
            same = np.abs(other.astype(int) - image) <= 2
        else:
            same = other == image
        differs = ~same.all(-1)
        assert differs.mean() <= share, f"{name}: {differs.mean():.4%} of the pixels differ"
        # A picture that shows nothing would prove nothing.
        assert np.unique(np.where(np.isfinite(image), image, 0)).size > 1, name
