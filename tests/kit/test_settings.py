"""Settings: written in the manifest, told in the documentation, read as they are meant."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from omni.isaac.ovrtx_render import RendererCfg

ROOT = Path(__file__).resolve().parents[2]
NAME = "omni.isaac.ovrtx_render"
MANIFEST = (ROOT / "config" / "extension.toml").read_text(encoding="utf-8")
WRITTEN = tomllib.loads(MANIFEST)["settings"]["exts"][NAME]


def test_manifest_writes_every_setting_with_its_default(make_kit) -> None:
    with make_kit():
        from omni.isaac.ovrtx_render.kit.settings import KitSettings

        defaults = {one.name: getattr(KitSettings(), one.name) for one in fields(KitSettings)}
    assert defaults.pop("renderer") == RendererCfg.preset(WRITTEN["renderer"]["preset"])
    assert WRITTEN["renderer"]["backend"] == RendererCfg().backend
    written = {name: tuple(value) if isinstance(value, list) else value for name, value in WRITTEN.items()}
    assert {**written, "renderer": None} == {**defaults, "renderer": None}


def test_every_setting_is_explained_in_the_manifest_and_in_the_documentation() -> None:
    lines = MANIFEST.splitlines()
    assert all(lines[i - 1].startswith("# ") for i, line in enumerate(lines) if line.startswith("exts."))
    documentation = (ROOT / "docs" / "kit.md").read_text(encoding="utf-8")
    table = documentation.partition("\n## Settings\n")[2].partition("\n## ")[0]
    documented = re.findall(r"`([\w/]+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    assert sorted(documented) == sorted([*(set(WRITTEN) - {"renderer"}), "renderer/backend", "renderer/preset"])


def read(kit):
    """The settings and what is wrong with them."""
    from omni.isaac.ovrtx_render.kit.settings import read_settings

    return read_settings(NAME)


def test_nothing_set_means_the_defaults(make_kit) -> None:
    with make_kit() as kit:
        kit.settings.destroy_item("/exts")
        from omni.isaac.ovrtx_render.kit.settings import KitSettings

        assert read(kit) == (KitSettings(), [])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("width", 64.0, 64),
        ("max_rate", 10, 10.0),
        ("outputs", "rgb, normals", ("rgb", "normals")),
        ("outputs", ["depth"], ("depth",)),
        ("show_window", True, True),
        ("show_window", 1, True),  # as a command line may say it
        ("cameras", "Robot/Wrist/Camera", "Robot/Wrist/Camera"),
    ],
)
def test_values_become_what_they_are_meant_to_be(make_kit, name: str, value: object, expected: object) -> None:
    with make_kit() as kit:
        kit.set(name, value)
        settings, problems = read(kit)
        assert getattr(settings, name) == expected and type(getattr(settings, name)) is type(expected)
        assert problems == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("samples_per_pixel", 4.0, 4),
        ("exposure", "auto", "auto"),
        ("exposure", -1.5, -1.5),
        ("background", [0.0, 0.5, 1.0], (0.0, 0.5, 1.0)),
        ("background", [], None),
        ("device", "", None),
        ("device", "cuda:1", "cuda:1"),
        ("threads", 0, None),
        ("threads", 2.0, 2),
        ("shadows", False, False),
        ("semantic_colors", {"class:robot": [255, 0, 0, 255]}, {"class:robot": (255, 0, 0, 255)}),
    ],
)
def test_every_field_of_the_configuration_is_a_setting(make_kit, name: str, value: object, expected: object) -> None:
    with make_kit() as kit:
        kit.settings.destroy_item("/exts")
        kit.set(f"renderer/{name}", value)
        settings, problems = read(kit)
        assert getattr(settings.renderer, name) == expected
        assert problems == []


def test_preset_comes_first(make_kit) -> None:
    with make_kit() as kit:
        kit.set("renderer/preset", "fast")
        kit.set("renderer/shadows", True)
        settings, _ = read(kit)
        assert settings.renderer.shading == "lambert" and settings.renderer.shadows


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("source", "sometimes", "must be one of: auto, update"),
        ("width", 0, "pixels from 1 to 16384"),
        ("max_rate", -1.0, "0 for no limit"),
        ("outputs", ["rgb", "smell"], "smell"),
        ("renderer/preset", "best", "must be one of: fast"),
        ("renderer/backend", "", "one of: auto, warp"),
        ("renderer/light_samples", 1000, "from 1 to 64"),
        ("renderer/background", [0.0, 0.5], "a list of 3 numbers"),
        ("enabled", "false", "true or false"),
        ("enabled", 2, "true or false"),
        ("notifications", "off", "true or false"),
        ("width", 128.7, "a whole number"),
        ("width", True, "a whole number"),
        ("width", "abc", "a whole number"),
        ("max_rate", float("nan"), "a finite number"),
        ("max_rate", float("inf"), "a finite number"),
        ("cameras", 5, "text"),
        ("outputs", "", "output"),
        ("outputs", ["rgb", 3], "a list of texts"),
        ("poses", "Fabric", "one of: auto, fabric, usd"),
        ("renderer/samples_per_pixel", 2.5, "a whole number"),
        ("renderer/shadows", "false", "true or false"),
        ("renderer/exposure", "bright", "a finite number or 'auto'"),
        ("renderer/background", [1.0, 1.0, "blue"], "a list of 3 numbers"),
        ("renderer/device", False, "text"),
        ("renderer/semantic_colors", {"class:robot": [255, 0]}, "a table"),
        ("renderer/exposuer", 1.0, "there is no such setting; is 'exposure' meant?"),
        ("renderer/quality", 3, "there is no such setting"),
        ("widht", 3, "there is no such setting; is 'width' meant?"),
    ],
)
def test_bad_value_is_told_and_the_default_taken(make_kit, name: str, value: object, reason: str) -> None:
    with make_kit() as kit:
        kit.set("height", 33)
        kit.set(name, value)
        settings, problems = read(kit)
        assert len(problems) == 1 and f"/exts/{NAME}/{name}" in problems[0] and reason in problems[0]
        assert settings.height == 33


def test_what_is_no_branch_is_told(make_kit) -> None:
    with make_kit() as kit:
        kit.set("renderer", 3)
        settings, problems = read(kit)
        assert settings.renderer == RendererCfg() and len(problems) == 1 and "renderer: it is 3" in problems[0]


def test_layout_is_kept_in_persistent_settings(make_kit) -> None:
    with make_kit() as kit:
        from omni.isaac.ovrtx_render.kit.layout import LayoutStore

        assert LayoutStore(NAME).load() == {}
        LayoutStore(NAME).save({"tab": 1, "outputs": ["rgb"]})
        assert LayoutStore(NAME).load() == {"tab": 1, "outputs": ["rgb"]}
        assert kit.settings.get(f"/persistent/exts/{NAME}/layout/tab") == 1
        kit.settings.set(f"/persistent/exts/{NAME}/layout", "damaged")
        assert LayoutStore(NAME).load() == {}
        LayoutStore(NAME).save({"tab": 2})
        assert LayoutStore(NAME).load() == {"tab": 2}
