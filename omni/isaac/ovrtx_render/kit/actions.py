"""Actions: what menus, hotkeys and scripts can have done."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["register_actions", "unregister_actions"]


def register_actions(extension: str, actions: Mapping[str, tuple[str, Callable[[], object]]]) -> None:
    """Offer actions under the name of an extension.

    Args:
        extension: Name of the extension.
        actions: What each does, for people, and the call that does it, by its name.
    """
    from omni.kit.actions.core import get_action_registry

    registry = get_action_registry()
    for name, (description, call) in actions.items():
        registry.register_action(
            extension,
            name,
            call,
            display_name=f"OVRTX Renderer: {name.replace('_', ' ')}",
            description=description,
            tag="OVRTX Renderer",
        )


def unregister_actions(extension: str) -> None:
    """Take back all actions of an extension."""
    from omni.kit.actions.core import get_action_registry

    get_action_registry().deregister_all_actions_for_extension(extension)
