"""Two hundred reloads: nothing may grow."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

NAME = "omni.isaac.ovrtx_render"


def resident() -> int:
    """Memory of this process [bytes]."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def reload(kit, count: int) -> None:
    """Enable and disable, with the window open; draw now and then, which takes most of the time."""
    import omni.ui as ui
    from omni.ui import double

    for i in range(count):
        service = kit.enable()
        kit.app.update()
        double.draw(ui.Workspace.get_window("OVRTX Renderer"))
        if i % 10 == 9:
            service.render()
        kit.disable()


def ours() -> Counter[str]:
    """Objects of our own classes that are alive."""
    gc.collect()
    return Counter(type(one).__qualname__ for one in gc.get_objects() if str(type(one).__module__).startswith(NAME))


@pytest.mark.slow
def test_two_hundred_reloads_leave_nothing_behind(make_kit) -> None:
    with make_kit("kit110") as kit:
        kit.manager.unload = True  # Kit imports the modules of the manifest anew
        kit.set("show_window", True)
        held = kit.held()
        kit.open()
        reload(kit, 20)
        objects, threads, total, memory = ours(), threading.active_count(), len(gc.get_objects()), [resident()]
        for _ in range(10):
            reload(kit, 20)
            memory.append(resident())
        assert ours() == objects
        assert threading.active_count() <= threads
        assert len(gc.get_objects()) - total < 100
        # What is not given back grows in every round; the heap of a process that ran other tests may grow in one.
        assert median(after - before for before, after in pairwise(memory)) < 20 * 16 * 1024
        kit.context.close_stage()
        assert kit.held() == held
        assert kit.told() == []
