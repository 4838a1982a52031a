"""Whether OVRTX can run here: one sentence with the remedy, before anything is allocated."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import pytest

from omni.isaac.ovrtx_render import BackendUnavailableError, ConfigError, RendererCfg
from omni.isaac.ovrtx_render.backends.ovrtx import compat, hardware
from omni.isaac.ovrtx_render.backends.ovrtx import probe as probe_module
from omni.isaac.ovrtx_render.backends.ovrtx.options import OvrtxOptions
from omni.isaac.ovrtx_render.registry import make_backend, probe


def installed(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    found = compat.parse_version(version) if version else None
    monkeypatch.setattr(probe_module, "installed_version", lambda: found)


@pytest.mark.parametrize(
    ("version", "gpus", "driver", "available", "says"),
    [
        (None, [("RTX", 89)], (580, 0, 0), False, "not installed; pip install"),
        ("0.2.0.280040", [("RTX", 89)], (580, 0, 0), False, "0.2.0 is installed, but versions 0.3 to 0.7"),
        ("0.8.0", [("RTX", 89)], (580, 0, 0), False, "0.8.0 is installed, but versions 0.3 to 0.7"),
        ("0.5.1", [], None, False, "no NVIDIA GPU here.*'warp'"),
        ("0.5.0", [("NVIDIA A100-SXM4", 80)], (580, 0, 0), False, "A100.*no ray tracing cores.*0.4.1"),
        ("0.5.1", [("NVIDIA H100", 90)], (580, 0, 0), False, "H100 has no ray tracing cores"),
        ("0.4.1", [("NVIDIA A100-SXM4", 80)], (580, 0, 0), True, "not supported by NVIDIA"),
        ("0.5.1", [("NVIDIA GeForce GTX 1660", 75)], (580, 0, 0), False, "no ray tracing cores"),
        ("0.5.1", [("NVIDIA L40", 89)], (535, 54, 3), False, "driver is 535.54.03.*570.158.01 or newer"),
        ("0.5.1", [("NVIDIA L40", 89)], (570, 158, 1), True, "0.5.1 on NVIDIA L40"),
        ("0.7.0", [("NVIDIA RTX PRO 6000", 120)], None, True, "0.7.0 on NVIDIA RTX PRO 6000"),
    ],
)
def test_the_answer(
    version: str | None, gpus: Any, driver: Any, available: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, version)
    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu(*gpu) for gpu in gpus])
    monkeypatch.setattr(hardware, "driver_version", lambda: driver)
    answer = probe("ovrtx")
    assert answer.available is available
    assert re.search(says, answer.reason), answer.reason
    assert "\n" not in answer.reason


@pytest.mark.parametrize(
    ("fields", "available", "says"),
    [
        ({"device": "cuda:1"}, True, "on NVIDIA L40"),
        ({"device": "cuda:0"}, False, r"H100 has no ray tracing cores.*device='cuda:1', which is an NVIDIA L40"),
        ({}, False, "H100"),
        ({"device": "cpu"}, True, "L40"),
        ({"device": "cuda:0", "backend_options": {"active_cuda_gpus": "1"}}, True, "L40"),
    ],
)
def test_the_answer_is_about_the_gpu_that_draws(
    fields: dict[str, Any], available: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, "0.5.1")
    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu("NVIDIA H100", 90), hardware.Gpu("NVIDIA L40", 89)])
    monkeypatch.setattr(hardware, "driver_version", lambda: None)
    cfg = RendererCfg(backend="ovrtx").replace(**fields)
    answer = probe("ovrtx", cfg)
    assert answer.available is available and re.search(says, answer.reason), answer.reason
    if not available:
        with pytest.raises(BackendUnavailableError, match=says):
            make_backend(cfg)


def test_the_backend_is_made_where_it_can_run(library: Any) -> None:
    library("0.5.1")
    assert probe("ovrtx").available
    backend = make_backend(RendererCfg(backend="ovrtx", device="cpu"))
    assert backend.name == "ovrtx"
    backend.close()


def test_kit_in_the_process(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    library()
    monkeypatch.setitem(sys.modules, "omni.kit.app", ModuleType("omni.kit.app"))
    answer = probe("ovrtx")
    assert "Kit" in answer.reason


def test_driver_versions(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "version"
    monkeypatch.setattr(hardware, "_VERSION_FILE", file)
    assert hardware.driver_version() is None
    file.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.158.01  Release Build  (root)\n")
    assert hardware.driver_version() == (570, 158, 1)
    file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue Jun\nGCC version: 13.2.0\n")
    assert hardware.driver_version() == (535, 54, 3)


def test_a_folder_of_that_name_is_no_library(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ovrtx").mkdir()
    # Without the folders of tests, one of which is a double of that name.
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(path for path in sys.path if "tests" not in path)])
    assert compat.installed_version() is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tile_limit": 3}, "no 'tile_limit'.*warm_up_frames"),
        ({"render_mode": "fast"}, "render_mode.*real_time, path_tracing, minimal"),
        ({"quality": "best"}, "quality.*performance"),
        ({"warm_up_frames": 0}, "warm_up_frames.*1 to 10000"),
        ({"warm_up_frames": True}, "warm_up_frames"),
        ({"frame_timeout": 0}, "frame_timeout.*positive"),
        ({"active_cuda_gpus": "zero"}, "active_cuda_gpus.*device numbers"),
        ({"settings": {"omni:rtx:new": 1}}, "omni:rtx:new.*type is not known"),
        ({"log_level": "loud"}, "log_level.*verbose"),
    ],
)
def test_options_are_checked(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        OvrtxOptions.of(RendererCfg(backend="ovrtx", backend_options=options))


def test_what_versions_can() -> None:
    limits = {"0.3.0": 4096, "0.5.0": 4096, "0.5.1": 32768, "0.6.0": 32768}
    for text, limit in limits.items():
        module = ModuleType("ovrtx")
        module.__version__ = f"{text}.1"  # type: ignore[attr-defined]
        library = compat.Library(module)
        assert library.tile_limit == limit
        assert library.resets_tiles == (text != "0.3.0")
    module.__version__ = "0.4.0.346409"  # type: ignore[attr-defined]
    # Links go missing there when transforms are read on the GPU.
    assert not compat.Library(module).drives_gpu_transforms and not compat.Library(module).resets_tiles
