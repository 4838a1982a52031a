"""Division, roots and angles: what Warp's own give on the CPU; on CUDA a fifth of the instructions, for a last bit.

A shading kernel on CUDA is bound by the instructions it issues, and a third of them were exact divisions and roots.
Divisors are lengths and focal lengths, far from where the hardware's approximation ends (2^126).
"""

from __future__ import annotations

import warp as wp

__all__ = ["circle", "forget_loads", "over", "quotient", "root", "unit"]


_CUDA_ROOT = 'float r; asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x)); return r;'
_CUDA_QUOTIENT = 'float q; asm("div.approx.ftz.f32 %0, %1, %2;" : "=f"(q) : "f"(a), "f"(b)); return q;'
_CUDA_CIRCLE = """
float s, c;
asm("sin.approx.ftz.f32 %0, %1;" : "=f"(s) : "f"(angle));
asm("cos.approx.ftz.f32 %0, %1;" : "=f"(c) : "f"(angle));
return wp::vec_t<2, wp::float32>(c, s);
"""
_CUDA_OVER = 'float r; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(s)); return wp::mul(v, r);'
_CUDA_UNIT = """
const float d = wp::dot(v, v);
float r;
asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(d));
return wp::mul(v, d > 0.0f ? r : 0.0f);
"""


def _by_device(cuda: str, cpu: str) -> str:
    return f"#if defined(__CUDA_ARCH__)\n{cuda}\n#else\n{cpu}\n#endif\n"


@wp.func_native(_by_device(_CUDA_QUOTIENT, "return a / b;"))
def quotient(a: float, b: float) -> float:
    """``a / b``."""
    ...


@wp.func_native(_by_device(_CUDA_OVER, "return wp::div(v, s);"))
def over(v: wp.vec3, s: float) -> wp.vec3:
    """``v / s``."""
    ...


@wp.func_native(_by_device(_CUDA_ROOT, "return wp::sqrt(x);"))
def root(x: float) -> float:
    """Square root."""
    ...


@wp.func_native(_by_device(_CUDA_CIRCLE, "return wp::vec_t<2, wp::float32>(wp::cos(angle), wp::sin(angle));"))
def circle(angle: float) -> wp.vec2:
    """Cosine and sine of an angle in [0, 2 pi]. CUDA's exact ones set local memory aside for angles of thousands."""
    ...


@wp.func_native(_by_device(_CUDA_UNIT, "return wp::normalize(v);"))
def unit(v: wp.vec3) -> wp.vec3:
    """Vector of length one in the direction of ``v``; zero if that is zero."""
    ...


@wp.func_native(_by_device('asm volatile("" ::: "memory");', ""))
def forget_loads():
    """Have what is read again from memory read again: held in registers until then, it would have others spilled."""
    ...
