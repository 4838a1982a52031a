"""Contract double of ``carb.settings``: a tree of values whose observers stay until they are removed by number."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

__all__ = ["ISettings", "SubscriptionId", "get_settings"]


class SubscriptionId:
    """Opaque; dropping it ends nothing."""


def _check(path: str) -> list[str]:
    if not isinstance(path, str):
        raise TypeError(f"incompatible function arguments: path is a {type(path).__name__}")
    return [part for part in path.split("/") if part]


class ISettings:
    """The settings of the process."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}
        self.observers: dict[SubscriptionId, tuple[str, Callable[..., None], bool]] = {}

    def get(self, path: str) -> Any:
        """A copy of the value: None if unset, a list of an array, a dict of a branch."""
        node: Any = self._tree
        for part in _check(path):
            if not isinstance(node, dict) or part not in node:
                return None
            node = node[part]
        return copy.deepcopy(node)

    def set(self, path: str, value: Any) -> None:
        """A list, and a branch, are taken away first and then made anew, one value after the other."""
        if value is None or not isinstance(value, (bool, int, float, str, list, tuple, dict)):
            raise TypeError(f"a setting cannot hold a {type(value).__name__}")
        if isinstance(value, dict):
            self.destroy_item(path)
            for key, below in value.items():
                self.set(f"{path}/{key}", below)
        elif isinstance(value, (list, tuple)):
            self.destroy_item(path)
            for count in range(1, len(value) + 1):
                self._put(path, list(value[:count]))
        else:
            self._put(path, value)

    def _put(self, path: str, value: Any) -> None:
        *parents, leaf = _check(path)
        node = self._tree
        for part in parents:
            if not isinstance(node.get(part), dict):
                node[part] = {}
            node = node[part]
        node[leaf] = value
        self._tell(path)

    def _tell(self, path: str) -> None:
        """Call the observers, at every value that is put or taken away."""
        for at, fn, whole_tree in list(self.observers.values()):
            if path == at:
                fn(*([object()] * (3 if whole_tree else 2)))
            elif whole_tree and path.startswith(f"{at}/"):
                fn(object(), object(), 0)

    def set_bool(self, path: str, value: bool) -> None:
        self.set(path, bool(value))

    def set_default(self, path: str, value: Any) -> None:
        if self.get(path) is None:
            self.set(path, value)

    def get_as_bool(self, path: str) -> bool:
        return bool(self.get(path))

    def get_as_int(self, path: str) -> int:
        return int(self.get(path) or 0)

    def get_as_float(self, path: str) -> float:
        return float(self.get(path) or 0.0)

    def get_as_string(self, path: str) -> str:
        value = self.get(path)
        return "" if value is None else str(value)

    def destroy_item(self, path: str) -> None:
        *parents, leaf = _check(path)
        node: Any = self._tree
        for part in parents:
            node = node.get(part, {}) if isinstance(node, dict) else {}
        if isinstance(node, dict) and leaf in node:
            del node[leaf]
            self._tell(path)

    def subscribe_to_node_change_events(self, arg0: str, arg1: Callable[[Any, Any], None]) -> SubscriptionId:
        return self._subscribe(arg0, arg1, False)

    def subscribe_to_tree_change_events(self, arg0: str, arg1: Callable[[Any, Any, Any], None]) -> SubscriptionId:
        return self._subscribe(arg0, arg1, True)

    def unsubscribe_to_change_events(self, id: SubscriptionId) -> None:
        if not isinstance(id, SubscriptionId):
            raise TypeError("incompatible function arguments: id is not a SubscriptionId")
        if id not in self.observers:
            raise ValueError("unsubscribed twice")
        del self.observers[id]

    def _subscribe(self, path: str, fn: Callable[..., None], whole_tree: bool) -> SubscriptionId:
        _check(path)
        if not callable(fn):
            raise TypeError("incompatible function arguments: the observer cannot be called")
        key = SubscriptionId()
        self.observers[key] = ("/" + "/".join(_check(path)), fn, whole_tree)
        return key


_SETTINGS = ISettings()


def get_settings() -> ISettings:
    return _SETTINGS
