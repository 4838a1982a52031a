"""Where a backend draws."""

from __future__ import annotations

import warp as wp

from ..errors import ConfigError

__all__ = ["pick_device"]


def pick_device(name: str | None) -> wp.Device:
    """The Warp device of a configuration; None is Warp's preferred one.

    Raises:
        ConfigError: There is no such device.
    """
    wp.init()
    try:
        return wp.get_device(name) if name else wp.get_preferred_device()
    except (ValueError, RuntimeError) as error:
        known = ", ".join(str(d) for d in wp.get_devices())
        raise ConfigError(f"device is {name!r}; the devices here are: {known}") from error
