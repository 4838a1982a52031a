"""Contract double of ``omni.kit_app``: the kernel that Python starts, as the package ``omniverse-kit`` brings it."""

from __future__ import annotations

from typing import Any

__all__ = ["KitApp"]


class KitApp:
    """Starts, turns and ends the application."""

    def __init__(self) -> None:
        self._app: Any = None

    def startup(self, argv: list[str]) -> None:
        if self._app is not None or not all(isinstance(word, str) for word in argv):
            raise RuntimeError("startup() is called once, with a list of words")
        import omni.kit.app

        self._app = omni.kit.app.get_app()
        manager = self._app.get_extension_manager()
        words = iter(argv)
        for word in words:
            if word == "--ext-folder":
                manager.add_path(next(words))
            elif word == "--enable":
                manager.set_builtin(next(words), True)
            elif word != "--no-window":
                raise RuntimeError(f"unknown argument {word}")

    def update(self) -> None:
        self._app.update()

    def is_running(self) -> bool:
        return self._app is not None

    def shutdown(self) -> int:
        """The exit code: not zero if an error was logged."""
        import carb

        self._app = None
        errors = [text for level, text in carb.LOG if level == "error"]
        for text in errors:
            print(text)
        return len(errors)
