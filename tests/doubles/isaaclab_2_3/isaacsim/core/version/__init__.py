"""Contract double of ``isaacsim.core.version``."""

__all__ = ["get_version"]


def get_version() -> tuple[str, str, str, str, str, str, str, str]:
    return ("5.1.0", "", "5", "1", "0", "", "", "")
