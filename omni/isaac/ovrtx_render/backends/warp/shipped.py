"""Kernels for the CPU that came compiled with the package, so that the first image waits for no compiler.

:mod:`.ship` compiles them while a wheel is built. They are optional data: what is missing, damaged, or meant for
another Warp or CPU is compiled at first use, to the same bits.
"""

from __future__ import annotations

import json
import platform
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

import warp as wp

__all__ = [
    "FOLDER",
    "INDEX",
    "LEVELS",
    "cpu_level",
    "describe",
    "file_name",
    "load_shipped",
    "target_level",
    "use_shipped",
]

FOLDER = Path(__file__).parent / "compiled"
"""Objects by Warp's version, then by level of the CPU. A checkout has none."""
INDEX = "index.json"
"""Names and SHA-256 of the files beside it."""

LEVELS = {
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"},
}
"""Levels of x86-64 by the psABI, best first, and what each adds, as Linux calls it. A kernel is compiled for a level
instead of for the very CPU, which is as fast, and the objects serve every machine of the level: containers and caches
travel. v3 alone would cost up to a tenth where there is AVX-512."""

_QUICK = "-DWP_NO_BFLOAT16= -disable-llvm-verifier -discard-value-names -w"
"""Flags that change no machine code. Warp's headers, which are compiled first, without a type that no kernel here has
take a third less. The rest saves a tenth: no check of the compiler by itself, no names for its intermediate values, no
search for what to warn of in code that nobody wrote by hand."""

_used = True


def use_shipped(used: bool) -> None:
    """Whether this process takes what was shipped; else Warp compiles everything into its cache."""
    global _used
    _used = used


@cache
def cpu_level() -> str | None:
    """The best level that this machine has; None where it has none, or is not known to."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    flags = set(next((line for line in lines if line.startswith("flags")), "").split())
    if not LEVELS["x86-64-v3"] <= flags:
        return None
    return next(level for level, added in LEVELS.items() if added <= flags)


def target_level(module: wp.Module, level: str | None = None) -> None:
    """Have a module compiled for a level of CPUs, by default this machine's, unless the user gave Warp other flags.

    Call it before the module is compiled for any device: the hash of a module takes in its options.
    """
    level = level or cpu_level()
    flags = wp.config.cpu_compiler_flags
    flags = "-march=native" if flags is None else flags
    if level is None or "-march=native" not in flags.split():
        return
    flags = flags.replace("-march=native", f"-target-cpu {level} {_QUICK}")
    if module.options["cpu_compiler_flags"] != flags:
        module.options["cpu_compiler_flags"] = flags
        module.mark_modified()


def file_name(module: wp.Module) -> str:
    """What the files of a module are called: its name, and a hash of its source and options."""
    return f"{module.name}.{module.get_module_hash(1).hex()[:16]}"


@cache
def _shipped(version: str, level: str | None) -> dict[str, str]:
    """SHA-256 of the files that came for a Warp and a level, by name; empty if none did."""
    try:
        index = json.loads((FOLDER / version / str(level) / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return index if isinstance(index, dict) else {}


def describe() -> str:
    """One sentence: whether this machine and Warp have what was shipped."""
    version, level = wp.config.version, cpu_level()
    if objects := sum(name.endswith(".o") for name in _shipped(version, level)):
        return f"{objects} came compiled, for {level} and Warp {version}"
    there = sorted(f"{file.parent.name} and Warp {file.parent.parent.name}" for file in FOLDER.glob(f"*/*/{INDEX}"))
    if not there:
        return "none came compiled with this package: they are compiled at first use"
    here = f"{level or 'another CPU'} and Warp {version}"
    return f"they came compiled for {', '.join(there)}; here is {here}: they are compiled at first use"


def load_shipped(module: wp.Module) -> bool:
    """Load a module's object from where it was installed; returns False if there is none that fits.

    Nothing is written, so packages and caches may be read-only and processes may start side by side.
    """
    wp.init()  # hashes and loading need it
    version, level = wp.config.version, cpu_level()
    index = _shipped(version, level)
    if not (index and _used):
        return False
    name = file_name(module)
    binary, meta = (FOLDER / version / str(level) / f"{name}{suffix}" for suffix in (".o", ".meta"))
    if not all(_intact(file, index) for file in (binary, meta)):
        return False
    try:
        module.load("cpu", block_dim=1, binary_path=str(binary), meta_path=str(meta))
    except Exception:  # Warp raises nothing narrower where its linker refuses an object
        return False
    return True


def _intact(file: Path, index: dict[str, str]) -> bool:
    """Whether a file is what was shipped: Warp's linker is not made for damaged objects."""
    if file.name not in index:
        return False
    try:
        return sha256(file.read_bytes()).hexdigest() == index[file.name]
    except OSError:
        return False
