"""The list of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from .._version import __version__
from .bench import bench
from .compile import compile_kernels
from .demo import demo
from .doctor import doctor
from .inspect import inspect
from .kit_path import kit_path
from .render import render
from .train import train

__all__ = ["app"]

app = typer.Typer(
    name="ovrtx-render",
    help="Tiled-camera renderer for robot learning. Start with: ovrtx-render demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options that stand before the command."""


for command in (demo, render, train, bench, inspect, doctor, kit_path):
    app.command(no_args_is_help=command in (render, inspect))(command)
app.command("compile")(compile_kernels)
