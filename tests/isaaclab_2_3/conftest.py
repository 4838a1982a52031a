"""Isaac Lab 2.3 for tests: its contract double, in the place of whatever Isaac Lab is installed, while a test runs."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pxr import Gf, Usd, UsdGeom

DOUBLES = Path(__file__).resolve().parent.parent / "doubles"
WHEEL = os.environ.get("OVRTX_RENDER_ISAACLAB_2_3")
"""Folder ``isaaclab`` of the wheel ``isaaclab==2.3.2`` (where ``sensors`` is), or None."""
_ROOTS = ("isaaclab", "isaacsim", "carb")
_KIT = ("omni.timeline", "omni.usd", "omni.kit")
_ADAPTERS = tuple(f"omni.isaac.ovrtx_render.isaaclab.{name}" for name in ("v2_3", "physx_bodies"))

_ENV = """
        def Xform "env_{i}"
        {{
            double3 xformOp:translate = ({x}, 0, 0)
            uniform token[] xformOpOrder = ["xformOp:translate"]
            def Cube "Block" (prepend apiSchemas = ["PhysicsRigidBodyAPI", "SemanticsLabelsAPI:class"])
            {{
                token[] semantics:labels:class = ["block"]
                double size = 0.5
                double3 xformOp:translate = (0, 0, 0.25)
                uniform token[] xformOpOrder = ["xformOp:translate"]
            }}
            def Xform "Robot"
            {{
                def Xform "Hand" (prepend apiSchemas = ["PhysicsRigidBodyAPI"])
                {{
                    double3 xformOp:translate = (0, 0, 3)
                    uniform token[] xformOpOrder = ["xformOp:translate"]
                }}
            }}
        }}
"""


def make_stage(envs: int = 2) -> Usd.Stage:
    """Environments 10 m apart: a block of half a metre on a floor, and a hand 3 m above it."""
    stage = Usd.Stage.CreateInMemory()
    body = "".join(_ENV.format(i=i, x=10 * i) for i in range(envs))
    stage.GetRootLayer().ImportFromString(f"""#usda 1.0
(
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "World"
{{
    def Mesh "Floor"
    {{
        point3f[] points = [(-2, -2, 0), (20, -2, 0), (20, 2, 0), (-2, 2, 0)]
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
    }}
    def DistantLight "Sun"
    {{
        float inputs:intensity = 3
    }}
    def Xform "envs"
    {{{body}
    }}
}}
""")
    return stage


@dataclass
class Pinhole:
    """Spawns cameras, as ``PinholeCameraCfg`` does."""

    clipping_range: tuple[float, float] = (0.05, 100.0)
    focal_length: float = 24.0
    horizontal_aperture: float = 20.955
    vertical_aperture: float | None = None

    def validate(self, prefix: str = "") -> list[str]:
        return []

    @staticmethod
    def func(prim_path: str, cfg: Pinhole, translation: Any, orientation: Any) -> None:
        import isaaclab.sim as sim_utils

        parent, _, leaf = prim_path.rpartition("/")
        for prim in sim_utils.find_matching_prims(parent):
            camera = UsdGeom.Camera.Define(prim.GetStage(), prim.GetPath().AppendChild(leaf))
            camera.CreateFocalLengthAttr(cfg.focal_length)
            camera.CreateHorizontalApertureAttr(cfg.horizontal_aperture)
            camera.CreateClippingRangeAttr(Gf.Vec2f(*cfg.clipping_range))
            camera.AddTranslateOp().Set(Gf.Vec3d(*translation))
            camera.AddOrientOp().Set(Gf.Quatf(*map(float, orientation)))


@pytest.fixture(params=["double", "wheel"])
def lab(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The running simulation: ``stage``, ``sim``, ``physics`` (its bodies), and ``sensors``.

    Cameras are those of the double, or of the wheel itself with doubles of what it imports.
    """
    pytest.importorskip("torch", reason="Isaac Lab's buffers are torch tensors")
    if request.param == "wheel" and WHEEL is None:
        pytest.skip("OVRTX_RENDER_ISAACLAB_2_3 does not say where the unpacked wheel isaaclab==2.3.2 is")
    before = {name: module for name, module in sys.modules.items() if _replaced(name)}
    _forget()
    places = [str(DOUBLES / "isaaclab_2_3"), str(DOUBLES)]
    sys.path[:0] = places
    try:
        if request.param == "wheel":
            _put_wheel(str(WHEEL))
        import carb.settings
        import isaaclab.sensors.camera
        import isaaclab.sim
        from isaacsim.core.simulation_manager import PhysicsSimView, SimulationManager

        stage = make_stage()
        bodies = {}
        for i in range(2):
            bodies[f"/World/envs/env_{i}/Block"] = (10.0 * i, 0.0, 0.25, 0.0, 0.0, 0.0, 1.0)
            bodies[f"/World/envs/env_{i}/Robot/Hand"] = (10.0 * i, 0.0, 3.0, 0.0, 0.0, 0.0, 1.0)
        SimulationManager.view = PhysicsSimView(bodies)
        builtins.ISAACLAB_CALLBACK_EXCEPTION = None  # type: ignore[attr-defined]
        yield SimpleNamespace(
            stage=stage,
            sim=isaaclab.sim.SimulationContext(stage),
            sensors=isaaclab.sensors.camera,
            physics=SimulationManager.view,
            settings=carb.settings.get_settings(),
        )
        isaaclab.sim.SimulationContext.clear_instance()
    finally:
        for place in places:
            sys.path.remove(place)
        _forget()
        sys.modules.update(before)


def _put_wheel(folder: str) -> None:
    """Isaac Lab from the wheel, but for ``isaaclab.sim``, which needs Isaac Sim: that one is the double."""
    import isaaclab.sim.utils.stage
    import isaaclab.sim.views

    isaaclab.__path__ = [folder]
    sensors = ModuleType("isaaclab.sensors")  # its own imports every sensor
    sensors.__path__ = [str(Path(folder) / "sensors")]
    sensors.__spec__ = ModuleSpec("isaaclab.sensors", None, is_package=True)
    sys.modules["isaaclab.sensors"] = isaaclab.sensors = sensors  # type: ignore[attr-defined]


@pytest.fixture
def camera(lab: Any) -> Iterator[Callable[..., Any]]:
    """``camera(data_types, **cfg)`` makes a ``TiledCamera`` as a scene does, drawing with us, and plays."""
    from omni.isaac.ovrtx_render import RendererCfg
    from omni.isaac.ovrtx_render.isaaclab import disable, enable

    enable(RendererCfg(backend="warp", headlight=False))
    made: list[Any] = []

    def make(data_types: list[str], play: bool = True, **fields: Any) -> Any:
        fields.setdefault("prim_path", "/World/envs/env_.*/Camera")
        fields.setdefault("spawn", Pinhole())
        place = {"pos": (0.0, 0.0, 4.0), "convention": "opengl", **fields.pop("offset", {})}
        fields["offset"] = lab.sensors.TiledCameraCfg.OffsetCfg(**place)
        cfg = lab.sensors.TiledCameraCfg(width=32, height=24, data_types=data_types, **fields)
        made.append(cfg.class_type(cfg))  # as InteractiveScene does
        if play:
            lab.sim.play()
            if builtins.ISAACLAB_CALLBACK_EXCEPTION is not None:  # type: ignore[attr-defined]
                raise builtins.ISAACLAB_CALLBACK_EXCEPTION  # type: ignore[attr-defined]
        return made[-1]

    yield make
    lab.sim.stop()
    disable()


def _replaced(name: str) -> bool:
    kit = any(name == one or name.startswith(f"{one}.") for one in _KIT)
    return kit or name.partition(".")[0] in _ROOTS or name in _ADAPTERS


def _forget() -> None:
    for name in [name for name in sys.modules if _replaced(name)]:
        del sys.modules[name]
        parent, _, child = name.rpartition(".")
        if hasattr(sys.modules.get(parent), child):
            delattr(sys.modules[parent], child)
