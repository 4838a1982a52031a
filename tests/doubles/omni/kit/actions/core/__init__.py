"""Contract double of ``omni.kit.actions.core``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Action", "IActionRegistry", "get_action_registry"]


class Action:
    """Something that can be done."""

    def __init__(self, id: str, python_object: Callable[..., Any]) -> None:
        self.id = id
        self.python_object = python_object


class IActionRegistry:
    """All actions of the process."""

    def __init__(self) -> None:
        self.actions: dict[tuple[str, str], Action] = {}

    def register_action(
        self,
        extension_id: str,
        action_id: str,
        python_object: Callable[..., Any],
        display_name: str = "",
        description: str = "",
        icon_url: str = "",
        tag: str = "",
    ) -> Action:
        texts = (extension_id, action_id, display_name, description, icon_url, tag)
        if not all(isinstance(text, str) for text in texts) or not callable(python_object):
            raise TypeError("register_action(): incompatible function arguments")
        if (extension_id, action_id) in self.actions:
            raise RuntimeError(f"action {action_id} of {extension_id} was registered before")
        action = self.actions[extension_id, action_id] = Action(action_id, python_object)
        return action

    def deregister_action(self, extension_id: str, action_id: str, invalidate: bool = True) -> None:
        self.actions.pop((extension_id, action_id), None)

    def deregister_all_actions_for_extension(self, extension_id: str, invalidate: bool = True) -> None:
        for key in [key for key in self.actions if key[0] == extension_id]:
            del self.actions[key]

    def execute_action(self, extension_id: str, action_id: str, *args: Any, **kwargs: Any) -> Any:
        return self.actions[extension_id, action_id].python_object(*args, **kwargs)


_REGISTRY = IActionRegistry()


def get_action_registry() -> IActionRegistry:
    return _REGISTRY
