"""``ovrtx-render kit-path``: the folder that Kit is given holds the extension, from a checkout and from a wheel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("typer", reason="the command line needs the extra 'standalone'")

from typer.testing import CliRunner

from omni.isaac.ovrtx_render.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
NAME = "omni.isaac.ovrtx_render"


def run(*words: str | Path, **env: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    result = CliRunner().invoke(app, ["kit-path", *map(str, words)], env=env)
    return result.exit_code, result.stdout, result.stderr


def assert_extension(folder: Path) -> None:
    """Everything that Kit and its extension manager ask for is there, and Python finds the package by it."""
    for name in ("config/extension.toml", "data/icon.png", "data/preview.png", "docs/Overview.md", "CHANGELOG.md"):
        assert (folder / name).is_file(), name
    code = f"""
import sys
sys.path.insert(0, {str(folder)!r})
import omni.isaac.ovrtx_render as package
from omni.isaac.ovrtx_render import TiledRenderer
assert package.__file__.startswith({str(folder)!r}), package.__file__
assert package.__version__.count(".") == 2
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/", env={"PATH": ""}, timeout=120)


def test_folder_is_printed_alone_and_holds_the_extension(tmp_path: Path) -> None:
    code, out, _ = run(XDG_CACHE_HOME=str(tmp_path))
    assert code == 0
    folder = Path(out.removesuffix("\n"))
    assert_extension(folder / NAME)
    again = run("--json", XDG_CACHE_HOME=str(tmp_path))
    assert json.loads(again[1]) == {"ext_folder": str(folder), "extension": NAME}


def test_link_goes_into_a_folder_of_kit_and_is_renewed(tmp_path: Path) -> None:
    for _ in range(2):
        assert run("--link", tmp_path / "extsUser")[0] == 0
        assert_extension(tmp_path / "extsUser" / NAME)


def test_what_somebody_else_put_there_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / NAME / "config" / "extension.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    code, _, err = run("--link", tmp_path)
    assert code == 2 and "was not made by this command" in err
    assert mine.read_text() == "mine"


def test_where_links_are_not_allowed_copies_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **how: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr("os.symlink", refused)
    for _ in range(2):
        assert run("--link", tmp_path)[0] == 0
    assert not (tmp_path / NAME / "config").is_symlink()
    assert_extension(tmp_path / NAME)


@pytest.mark.slow
def test_wheel_brings_what_kit_needs(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("building a wheel needs uv")
    built = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OVRTX_RENDER_SHIP": ""},  # Kit needs no compiled kernels
        capture_output=True,
        text=True,
        timeout=300,
    )
    if built.returncode:
        pytest.skip(f"the wheel cannot be built here: {built.stderr.splitlines()[-1]}")
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    assert not (tmp_path / "site" / "omni" / "__init__.py").exists()
    command = [sys.executable, "-m", "omni.isaac.ovrtx_render.cli", "kit-path", "--link", str(tmp_path / "exts")]
    env = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert_extension(tmp_path / "exts" / NAME)
