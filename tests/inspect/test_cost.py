"""How often clones are checked, and what is after an edit: counted, since seconds depend on the machine."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

pytest.importorskip("pxr", reason="needs the extra 'standalone'")

from pxr import Gf, Usd, UsdGeom

from omni.isaac.ovrtx_render.demo import build_stage
from omni.isaac.ovrtx_render.inspect import Inspector
from omni.isaac.ovrtx_render.inspect.engine import Engine
from omni.isaac.ovrtx_render.inspect.versions import Versions

ENVS = 128
COUNTED = ("check_all", "check_said", "check_look", "check_shape", "check_place", "check_composition")


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each part of the engine was called."""
    made: Counter[str] = Counter()

    def counted(name: str) -> None:
        plain = getattr(Engine, name)

        def call(*args: object, **kwargs: object) -> object:
            made[name] += 1
            return plain(*args, **kwargs)

        monkeypatch.setattr(Engine, name, call)

    for name in COUNTED:
        counted(name)
    yield made


def test_clones_are_checked_once_and_edits_on_their_own(counts: Counter[str]) -> None:
    stage = build_stage(ENVS).stage
    prims = sum(prim.IsA(UsdGeom.Gprim) for prim in stage.Traverse(Usd.TraverseInstanceProxies()))
    with Inspector(stage) as inspector:
        assert counts["check_all"] == 1
        # Objects are of several kinds and colours; all else is the same in every environment.
        assert counts["check_shape"] < counts["check_look"] < prims / 10
        counts.clear()
        mugs = [stage.GetPrimAtPath(f"/World/envs/env_{env}/Objects/mug") for env in range(100)]
        assert all(mugs)
        for mug in mugs:
            move(mug)
        inspector.sync()
        assert counts["check_all"] == counts["check_look"] == counts["check_composition"] == 0
        drawn = sum(prim.IsA(UsdGeom.Gprim) for prim in Usd.PrimRange(mugs[0]))
        assert 0 < counts["check_place"] <= 100 * drawn
        counts.clear()
        for mug in mugs:
            UsdGeom.Imageable(mug).MakeInvisible()
        inspector.sync()
        assert counts["check_all"] == counts["check_look"] == counts["check_composition"] == counts["check_said"] == 0
        counts.clear()
        for mug in mugs:
            UsdGeom.Imageable(mug).MakeVisible()
        inspector.sync()
        assert counts["check_all"] == counts["check_composition"] == counts["check_said"] == 0
        assert counts["check_look"] == counts["check_shape"] == 100 * drawn


def test_what_holds_in_one_environment_is_found_as_in_many() -> None:
    rng = random.Random(0)
    versions: Versions[str] = Versions()
    plain: dict[int, str] = {}
    for name in range(4):
        envs = frozenset(range(8 * name, 8 * name + 8))
        versions.widen(str(name), envs)
        plain.update(dict.fromkeys(envs, str(name)))
    for step in range(200):
        envs = frozenset(rng.sample(range(36), rng.choice([1, 1, 1, 2, 9])))
        thing = rng.choice([None, f"new {step}"])
        versions.replace(thing, envs)
        for env in envs:
            plain.pop(env, None)
            if thing:
                plain[env] = thing
        asked = frozenset(rng.sample(range(36), rng.choice([1, 1, 5])))
        assert set(versions.within(asked)) == {plain[env] for env in asked if env in plain}
        assert {env: thing for thing, held in versions.items() for env in held} == plain


def move(prim: Usd.Prim) -> None:
    """Move a prim a little, by the operation that it has."""
    operation = UsdGeom.Xformable(prim).GetOrderedXformOps()[0]
    value = operation.Get()
    shifted = value + type(value)(0.0, 0.0, 0.1) if not isinstance(value, Gf.Matrix4d) else value * _LIFT
    operation.Set(shifted)


_LIFT = Gf.Matrix4d(1.0).SetTranslate(Gf.Vec3d(0.0, 0.0, 0.1))
