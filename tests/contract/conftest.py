"""One stage, and a renderer on it by every backend that can run here: for real, or on its contract double."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pxr import Usd

from omni.isaac.ovrtx_render import CameraBundle, RendererCfg, TiledRenderer
from omni.isaac.ovrtx_render.registry import BACKENDS, probe

DOUBLES = Path(__file__).resolve().parent.parent / "doubles"

DOUBLED = ("ovrtx", "isaac_rtx")
"""Backends that are tested on a double."""

ENVS = 3
CAMERA_HEIGHT = 4.0
FOCAL, APERTURE = 24.0, 20.955

_ENV = """
        def Xform "env_{env}"
        {{
            def Xform "Body"
            {{
                double3 xformOp:translate = (0, 0, 0.25)
                uniform token[] xformOpOrder = ["xformOp:translate"]
                def Cube "Box" (prepend apiSchemas = ["SemanticsLabelsAPI:class"])
                {{
                    token[] semantics:labels:class = ["box_{env}"]
                    double size = 1
                    color3f[] primvars:displayColor = [({red}, 0.2, 0.1)]
                    double3 xformOp:scale = (0.8, 0.8, {height})
                    uniform token[] xformOpOrder = ["xformOp:scale"]
                }}
            }}
            def Xform "Mount"
            {{
                double3 xformOp:translate = (0, 0, 4)
                uniform token[] xformOpOrder = ["xformOp:translate"]
                def Camera "Camera"
                {{
                    float focalLength = 24
                    float horizontalAperture = 20.955
                    float2 clippingRange = (0.05, 100)
                }}
            }}
        }}
"""


def box_top(env: int) -> float:
    """Height of the upper side of an environment's box [m]."""
    return 0.25 + box_height(env) / 2


def box_height(env: int) -> float:
    """Height of an environment's box [m]: all differ."""
    return 0.5 + 0.2 * env


def make_stage() -> Usd.Stage:
    """Environments in one place, each with a box of its own height below its camera, on one floor of 2 m x 2 m."""
    envs = "".join(_ENV.format(env=env, height=box_height(env), red=0.3 + 0.3 * env) for env in range(ENVS))
    stage = Usd.Stage.CreateInMemory()
    stage.GetRootLayer().ImportFromString(f"""#usda 1.0
(
    defaultPrim = "World"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "World"
{{
    def Material "Grey"
    {{
        token outputs:surface.connect = </World/Grey/Surface.outputs:surface>
        def Shader "Surface"
        {{
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor = (0.5, 0.5, 0.5)
            float inputs:roughness = 1
            token outputs:surface
        }}
    }}
    def Mesh "Floor" (prepend apiSchemas = ["SemanticsLabelsAPI:class", "MaterialBindingAPI"])
    {{
        rel material:binding = </World/Grey>
        token[] semantics:labels:class = ["floor"]
        point3f[] points = [(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        uniform token subdivisionScheme = "none"
    }}
    def BasisCurves "Cable"
    {{
        uniform token type = "linear"
        int[] curveVertexCounts = [3]
        point3f[] points = [(-1, 50, 0), (0, 50, 0), (1, 50, 0)]
        float[] widths = [0.3] (
            interpolation = "constant"
        )
    }}
    def DistantLight "Sun"
    {{
        float inputs:intensity = 3
        double3 xformOp:rotateXYZ = (20, 10, 0)
        uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]
    }}
    def Xform "envs"
    {{{envs}
    }}
}}
""")
    return stage


IN_A_WORKER = " in a worker"


@pytest.fixture(params=[*sorted(BACKENDS), pytest.param("warp" + IN_A_WORKER, marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest) -> str:
    """Name of a backend that can run here, with its contract double in place where it cannot run for real."""
    name = str(request.param).removesuffix(IN_A_WORKER)
    if name in DOUBLED:
        request.getfixturevalue(f"{name}_double")
    answer = probe(name)
    if not answer.available:
        pytest.skip(f"{name}: {answer.reason}")
    return name


@pytest.fixture
def ovrtx_double(monkeypatch: pytest.MonkeyPatch, device: str) -> Iterator[None]:
    """The double of ``ovrtx``, on a machine that looks as if it had an RTX GPU."""
    from doubles import install

    from omni.isaac.ovrtx_render.backends.ovrtx import hardware

    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu("NVIDIA RTX 6000", 89)])
    monkeypatch.setattr(hardware, "driver_version", lambda: (580, 95, 5))
    drawing = {"backend": "warp", "exposure": "auto", "headlight": False}
    with install.ovrtx_double("0.5.1", renderer=drawing, device=device):
        yield


@pytest.fixture
def isaac_rtx_double(stage: Usd.Stage) -> Iterator[None]:
    """A process that looks as if Isaac Sim ran in it, with the stage open."""
    from doubles.kit_process import kit_process

    with kit_process("kit107"):
        sys.path.insert(0, str(DOUBLES / "replicator"))  # kit_process takes it away again
        import omni.usd

        omni.usd.get_context()._stage = stage
        yield
        omni.usd.get_context()._stage = None
    for name in [name for name in sys.modules if name.startswith("omni.isaac.ovrtx_render.backends.isaac_rtx")]:
        del sys.modules[name]


@pytest.fixture
def stage() -> Usd.Stage:
    """The stage of this suite."""
    return make_stage()


@pytest.fixture
def options(request: pytest.FixtureRequest, backend: str) -> dict[str, Any]:
    """Backend options that put the backend where it is tested: in this process, or in one of its own."""
    return {"worker": True} if request.node.callspec.params["backend"].endswith(IN_A_WORKER) else {}


@pytest.fixture
def start(
    backend: str, options: dict[str, Any], stage: Usd.Stage, device: str
) -> Iterator[Callable[..., tuple[TiledRenderer, CameraBundle]]]:
    """``start(outputs, width, height, colorize, **config)`` opens a renderer with a bundle of all cameras."""
    opened: list[TiledRenderer] = []

    def factory(
        outputs: Any = ("rgb", "depth"), width: int = 32, height: int = 24, colorize: Any = False, **config: Any
    ) -> tuple[TiledRenderer, CameraBundle]:
        cfg = RendererCfg(backend=backend, device=device, headlight=False, backend_options=options)  # type: ignore[arg-type]
        cfg = cfg.replace(**config)
        opened.append(TiledRenderer(stage, cfg))
        return opened[-1], opened[-1].add_cameras(None, width=width, height=height, outputs=outputs, colorize=colorize)

    yield factory
    for renderer in opened:
        renderer.close()
