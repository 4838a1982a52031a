"""The script that verifies the backend on the real library: on the double all its checks pass, and each can fail."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warp as wp

from omni.isaac.ovrtx_render.backends.ovrtx import products, view
from omni.isaac.ovrtx_render.backends.ovrtx.backend import OvrtxBackend
from omni.isaac.ovrtx_render.backends.ovrtx.session import Session
from omni.isaac.ovrtx_render.backends.worker.backend import WorkerBackend

TESTS = Path(__file__).resolve().parents[1]
Spoil = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str) -> Any:
    """The script, in an environment that gives the double and a GPU to a worker process as well."""
    monkeypatch.syspath_prepend(str(TESTS.parent / "benchmarks"))
    info = tmp_path / "site" / "ovrtx-0.5.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ovrtx\nVersion: 0.5.1.385782\n")
    path = [TESTS.parent, TESTS / "doubles", TESTS / "doubles" / "rtx_machine", info.parent]
    path += [Path(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, path)))
    monkeypatch.setenv("OVRTX_DOUBLE_RENDERER", json.dumps({"exposure": "auto", "headlight": False}))
    monkeypatch.setenv("OVRTX_DOUBLE_DEVICE", device)
    import verify_ovrtx

    return verify_ovrtx


@pytest.mark.slow
def test_every_check_passes_on_the_double(library: Any, script: Any, tmp_path: Path, device: str) -> None:
    library("0.5.1")
    code = script.main(["--small", "--out", str(tmp_path), "--device", device])
    report = json.loads((tmp_path / "report.json").read_text())
    assert [(result["name"], result["note"]) for result in report if not result["passed"]] == [] and code == 0
    assert len(report) >= 25
    assert {path.stem for path in tmp_path.glob("*.png")} >= {"colours", "demo_depth", "poses", "render_modes", "edits"}


def test_it_ends_where_the_library_cannot_run(
    library: Any, script: Any, tmp_path: Path, device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--small", "--out", str(tmp_path), "--device", device]) == 1
    (result,) = json.loads((tmp_path / "report.json").read_text())
    assert "'ovrtx' is not installed" in result["note"] and "0 of 1 checks passed" in capsys.readouterr().out


def spoiled(change: Callable[[np.ndarray, int], np.ndarray], *kinds: str) -> Spoil:
    """Images of some outputs are changed: ``change(image, pixels of a tile)``."""

    def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
        real = view.cut

        def cut(kind: str, image: Any, grid: Any, first: int, rows: Any, out: Any, *more: Any) -> None:
            real(kind, image, grid, first, rows, out, *more)
            if not kinds or kind in kinds:
                seen = out.numpy()
                out.assign(change(seen.copy(), grid.width * grid.height).astype(seen.dtype))

        monkeypatch.setattr(view, "cut", cut)

    return spoil


def unheard(method: str, owner: type = OvrtxBackend) -> Spoil:
    """A method of the backend does nothing."""
    return lambda monkeypatch: monkeypatch.setattr(owner, method, lambda *_: True)


def turned_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotations go over as their inverses."""
    real = OvrtxBackend.write_poses

    def write(self: Any, bound: object, positions: wp.array, quats: wp.array, order: str) -> None:
        signs = np.array([-1, -1, -1, 1] if order == "xyzw" else [1, -1, -1, -1], np.float32)
        real(self, bound, positions, wp.array(quats.numpy() * signs, dtype=wp.vec4, device=quats.device), order)

    monkeypatch.setattr(OvrtxBackend, "write_poses", write)


def all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every environment is cloned from the first one."""
    real, first = Session.clone, []  # type: ignore[var-annotated]

    def clone(self: Session, source: str, targets: list[str]) -> None:
        first.append(source)
        real(self, first[0] if "Camera" not in source else source, targets)

    monkeypatch.setattr(Session, "clone", clone)


def without_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """What instances hold does not go over."""
    real = Session.open
    monkeypatch.setattr(
        Session, "open", lambda self, root: real(self, root.replace('def Cube "Shape"', 'def Xform "Shape"'))
    )


def eco(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mode in which the library stops to draw is left on."""
    real = products._settings
    drop = "omni:rtx:rt:ecoMode:enabled"
    monkeypatch.setattr(
        products, "_settings", lambda *more: {key: value for key, value in real(*more).items() if key != drop}
    )
    sys.modules["ovrtx"].double.OPTIONS.eco_frames = 2


def unmoved_but_temporal(monkeypatch: pytest.MonkeyPatch) -> None:
    unheard("forget_history")(monkeypatch)
    sys.modules["ovrtx"].double.OPTIONS.temporal = True


def one_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """All levels of simple shading are the fullest one."""
    monkeypatch.setattr(products, "_SIMPLE", dict.fromkeys(products._SIMPLE, 3))


def upside_down(image: np.ndarray, pixels: int) -> np.ndarray:
    side = round(pixels**0.5)
    return image.reshape(-1, side, side, *image.shape[1:])[:, ::-1].reshape(image.shape)


MIXED_UP = spoiled(lambda image, pixels: np.roll(image, pixels, axis=0))
BLACK = spoiled(lambda image, _: 0 * image, "rgb", "rgb_hdr", "albedo")
NEGATED = spoiled(lambda image, _: -image, "normals", "motion_vectors")
CENTIMETRES = spoiled(lambda image, _: 100.0 * image, "distance_to_image_plane", "distance_to_camera")
UPSIDE_DOWN = spoiled(upside_down)


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        pytest.param(check, spoil, id=f"{check}-{name}", marks=[pytest.mark.slow] if at else [])
        for check, spoils in {
            "colours": {
                "black": BLACK,
                "swapped": spoiled(lambda image, _: image.reshape(-1, 3)[:, ::-1].reshape(image.shape), "rgb"),
                "upside down": UPSIDE_DOWN,
            },
            "geometry_and_ids": {
                "normals": NEGATED,
                "ids": spoiled(lambda image, _: image + 1, "semantic_segmentation"),
                "instances": spoiled(lambda image, _: 0 * image, "instance_segmentation"),
                "unit": CENTIMETRES,
                "upside down": UPSIDE_DOWN,
            },
            "linear_colours": {
                "unexposed": spoiled(lambda image, _: 8.0 * image, "rgb_hdr"),
                "infinite": spoiled(lambda image, _: np.inf * image, "rgb_hdr"),
                "mixed up": UPSIDE_DOWN,
            },
            "tiles_are_those_of_their_cameras": {"mixed up": MIXED_UP},
            "poses": {"unheard": unheard("write_poses"), "turned back": turned_back},
            "environments_see_themselves_only": {
                "mixed up": MIXED_UP,
                "seen": lambda monkeypatch: monkeypatch.setattr(view, "partition_of", lambda env: "env_0"),
            },
            "kinds_of_environments": {"all alike": all_alike},
            "instances": {"lost": without_instances},
            "centimetres_with_y_up": {"unit": CENTIMETRES, "unheard": unheard("write_poses")},
            "images_do_not_freeze": {"eco mode": eco},
            "history_of_a_reset_is_forgotten": {"never reset": unmoved_but_temporal},
            "lenses_of_each_camera": {"unheard": unheard("set_intrinsics"), "upside down": UPSIDE_DOWN},
            "colours_of_each_environment": {"unheard": unheard("write_materials"), "mixed up": MIXED_UP},
            "motion": {
                "negated": NEGATED,
                "zero": spoiled(lambda image, _: 0 * image, "motion_vectors"),
                "swapped": spoiled(
                    lambda image, _: image.reshape(-1, 2)[:, ::-1].reshape(image.shape), "motion_vectors"
                ),
            },
            "meshes_that_deform": {"unheard": unheard("write_points")},
            "edits_of_the_live_stage": {"unheard": unheard("update")},
            "a_second_bundle_and_one_less": {"poses of both": unheard("set_camera_poses"), "mixed up": MIXED_UP},
            "the_file_route": {"mixed up": MIXED_UP},
            "a_worker_process": {"unheard": unheard("write_poses", WorkerBackend)},
            "render_modes": {"black": BLACK, "upside down": UPSIDE_DOWN},
            "simple_shading": {"one level": one_level, "mixed up": UPSIDE_DOWN},
            "a_typo_raises": {"silent": unheard("bind_transforms", Session)},
        }.items()
        for at, (name, spoil) in enumerate(spoils.items())
    ],
)
def test_a_check_fails_where_what_it_names_is_wrong(
    library: Any, script: Any, tmp_path: Path, device: str, monkeypatch: pytest.MonkeyPatch, check: str, spoil: Spoil
) -> None:
    library("0.5.1")
    verifier = script.Verifier(tmp_path, script.SMALL, device)
    spoil(monkeypatch)
    with pytest.raises(AssertionError):
        getattr(verifier, f"check_{check}")()


def test_history_that_is_reset_passes(library: Any, script: Any, tmp_path: Path, device: str) -> None:
    library("0.5.1", temporal=True)
    note = script.Verifier(tmp_path, script.SMALL, device).check_history_of_a_reset_is_forgotten()
    assert note.startswith("0% of the last image shows") and "50% without" in note
