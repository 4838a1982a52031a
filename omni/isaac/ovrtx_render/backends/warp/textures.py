"""The texture store: every image as a mip chain of packed RGBA8 texels in one array, fetched by our own code.

One array serves CPU and CUDA alike (a hand-written bilinear fetch is six times faster on the CPU than Warp's software
textures), and mip levels are chosen from the ray's footprint (ray cones, Akenine-Moeller et al., "Texture Level of
Detail Strategies for Real-Time Ray Tracing", 2019), so one sample a pixel does not alias.
"""

from __future__ import annotations

import numpy as np
import warp as wp

from ...scene.color_spaces import linear_to_srgb, srgb_to_linear
from ...scene.data import Texture, TextureRef
from .arithmetic import forget_loads
from .inlining import inlined
from .types import TextureInfo, TextureRefState

__all__ = ["Textures", "decode_table", "mip_chain", "pack_refs", "pack_textures", "sample_texture"]


def decode_table() -> np.ndarray:
    """(512,) float32: value of a byte, linear in the first half, sRGB-decoded in the second."""
    x = np.arange(256) / 255.0
    return np.concatenate([x, srgb_to_linear(x)]).astype(np.float32)


def _halve(level: np.ndarray, axis: int) -> np.ndarray:
    """Average texels by twos along an axis; its size is rounded up.

    An odd size is cut into equal parts as well: every other texel is split between its neighbours. Repeating the edge
    instead would count it double, again at each level.
    """
    x = np.moveaxis(level, axis, 0)
    pairs = len(x) // 2
    if len(x) % 2 == 0:
        return np.moveaxis((x[0::2] + x[1::2]) * 0.5, 0, axis)
    share = (np.arange(1, pairs + 1, dtype=np.float32) / (pairs + 1)).reshape(-1, *[1] * (x.ndim - 1))
    new = x[0::2].copy()
    new[:-1] += x[1::2] * (1.0 - share)
    new[1:] += x[1::2] * share
    return np.moveaxis(new * ((pairs + 1) / len(x)), 0, axis)


def mip_chain(texture: Texture) -> list[np.ndarray]:
    """All mip levels of a texture as (H, W, 4) uint8, averaged in linear light."""
    data = texture.data
    if data.dtype != np.uint8:  # an HDR image on a surface: what exceeds white is clipped
        rgb = linear_to_srgb(data) if texture.srgb else np.clip(data, 0.0, 1.0)
        data = np.concatenate([rgb, np.ones((*data.shape[:2], 1))], axis=2)
        data = np.round(data * 255.0).astype(np.uint8)
    levels = [np.ascontiguousarray(data)]
    table = decode_table().reshape(2, 256)
    linear = np.concatenate([table[int(texture.srgb)][data[..., :3]], table[0][data[..., 3:]]], axis=2)
    while max(levels[-1].shape[:2]) > 1:
        linear = _halve(_halve(linear, 0), 1)
        rgb = linear_to_srgb(linear[..., :3]) if texture.srgb else linear[..., :3]
        levels.append(np.round(np.concatenate([rgb, linear[..., 3:]], axis=2) * 255.0).astype(np.uint8))
    return levels


def pack_textures(
    textures: list[Texture], refs: np.ndarray, device: wp.Device, packed: Textures | None = None
) -> Textures:
    """Pack the textures that a TextureRefState table refers to, and the table itself.

    Args:
        packed: A store of the same textures, to which others may have been appended since. Its texels are used again if
            it holds all that are referred to.
    """
    used = set(refs["texture"].tolist()) if len(textures) else set()
    if packed is not None and used <= set(np.flatnonzero(packed.infos.numpy()["width"]).tolist()):
        store = Textures()
        store.texels, store.infos, store.decode = packed.texels, packed.infos, packed.decode
        store.refs = wp.array(refs, dtype=TextureRefState, device=device)
        return store
    infos = np.zeros(max(len(textures), 1), TextureInfo.numpy_dtype())
    texels: list[np.ndarray] = []
    offset = 0
    for i, texture in enumerate(textures):
        if i not in used:
            continue
        levels = mip_chain(texture)
        height, width = levels[0].shape[:2]
        infos[i] = (offset, width, height, len(levels), int(texture.srgb))
        for level in levels:
            texels.append(np.ascontiguousarray(level).view(np.uint32).reshape(-1))
            offset += texels[-1].size
    store = Textures()
    store.texels = wp.array(
        np.concatenate(texels) if texels else np.zeros(1, np.uint32), dtype=wp.uint32, device=device
    )
    store.infos = wp.array(infos, dtype=TextureInfo, device=device)
    store.refs = wp.array(refs, dtype=TextureRefState, device=device)
    store.decode = wp.array(decode_table(), dtype=wp.float32, device=device)
    return store


def pack_refs(refs: list[TextureRef], targets: list[int]) -> np.ndarray:
    """Texture references, and the inputs they feed, as a TextureRefState table (at least one row)."""
    table = np.zeros(max(len(refs), 1), TextureRefState.numpy_dtype())
    for i, (ref, target) in enumerate(zip(refs, targets, strict=True)):
        (a, b), (c, d), shift = ref.uv_matrix
        table[i] = (
            ref.texture, target, ref.channel, int(ref.wrap_s), int(ref.wrap_t), ref.scale, ref.bias,
            ((a, c), (b, d)), shift,
        )  # fmt: skip
    return table


@wp.struct
class Textures:
    """The texture store on the device."""

    texels: wp.array(dtype=wp.uint32)
    infos: wp.array(dtype=TextureInfo)
    refs: wp.array(dtype=TextureRefState)
    decode: wp.array(dtype=wp.float32)


@wp.func
def wrap_index(i: int, size: int, mode: int) -> int:
    """Texel index inside the image for any i; -1 is black."""
    if i >= 0 and i < size:
        return i
    if mode == 1:
        return wp.clamp(i, 0, size - 1)
    if mode == 3:
        return -1
    if mode == 2:
        period = 2 * size
        k = i % period
        if k < 0:
            k = k + period
        if k >= size:
            k = period - 1 - k
        return k
    k = i % size
    if k < 0:
        k = k + size
    return k


@wp.func
def texel(tex: Textures, at: int, srgb: int) -> wp.vec4:
    packed = tex.texels[at]
    r = int(packed & wp.uint32(255))
    g = int((packed >> wp.uint32(8)) & wp.uint32(255))
    b = int((packed >> wp.uint32(16)) & wp.uint32(255))
    a = int(packed >> wp.uint32(24))
    return wp.vec4(tex.decode[r + srgb * 256], tex.decode[g + srgb * 256], tex.decode[b + srgb * 256], tex.decode[a])


@wp.func
def bilinear(tex: Textures, offset: int, w: int, h: int, srgb: int, s: float, t: float, ws: int, wt: int) -> wp.vec4:
    x = s * float(w) - 0.5
    y = t * float(h) - 0.5
    fx = wp.floor(x)
    fy = wp.floor(y)
    ax = x - fx
    ay = y - fy
    x0 = wrap_index(int(fx), w, ws)
    x1 = wrap_index(int(fx) + 1, w, ws)
    y0 = wrap_index(int(fy), h, wt)
    y1 = wrap_index(int(fy) + 1, h, wt)
    c = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if y0 >= 0:
        if x0 >= 0:
            c = c + texel(tex, offset + y0 * w + x0, srgb) * ((1.0 - ax) * (1.0 - ay))
        if x1 >= 0:
            c = c + texel(tex, offset + y0 * w + x1, srgb) * (ax * (1.0 - ay))
    if y1 >= 0:
        if x0 >= 0:
            c = c + texel(tex, offset + y1 * w + x0, srgb) * ((1.0 - ax) * ay)
        if x1 >= 0:
            c = c + texel(tex, offset + y1 * w + x1, srgb) * (ax * ay)
    return c


@inlined
def sample_texture(tex: Textures, which: int, uv: wp.vec2, footprint: wp.vec2) -> wp.vec4:
    """Trilinear fetch through texture reference ``which``, with its scale and bias.

    Args:
        uv: Texture coordinates, v up.
        footprint: How far u and v go in a pixel. The larger count of texels decides: nothing aliases, and a picture
            that is not square is as sharp as one that is.
    """
    ref = tex.refs[which]
    info = tex.infos[ref.texture]
    st = ref.uv_linear * uv + ref.uv_offset
    # Far outside the unit square floats have no fraction left: bring a repeating coordinate back first.
    s = wp.clamp(st[0], -1.0e6, 1.0e6)
    t = 1.0 - wp.clamp(st[1], -1.0e6, 1.0e6)
    if ref.wrap_s == 0:
        s = s - wp.floor(s)
    if ref.wrap_t == 0:
        t = t - wp.floor(t)
    if ref.wrap_s == 2:
        s = s - 2.0 * wp.floor(s * 0.5)
    if ref.wrap_t == 2:
        t = t - 2.0 * wp.floor(t * 0.5)
    s = wp.clamp(s, -4.0, 4.0)
    t = wp.clamp(t, -4.0, 4.0)
    m = ref.uv_linear
    across = wp.length(wp.vec2(m[0, 0] * footprint[0], m[0, 1] * footprint[1])) * float(info.width)
    along = wp.length(wp.vec2(m[1, 0] * footprint[0], m[1, 1] * footprint[1])) * float(info.height)
    spread = wp.max(across, along)
    level = wp.clamp(wp.log2(wp.max(spread, 1.0)), 0.0, float(info.levels - 1))
    base = int(level)
    blend = level - float(base)
    offset = info.offset
    w = info.width
    h = info.height
    for _i in range(base):
        offset += w * h
        w = (w + 1) / 2
        h = (h + 1) / 2
    c = bilinear(tex, offset, w, h, info.srgb, s, t, ref.wrap_s, ref.wrap_t)
    if blend > 0.01 and base + 1 < info.levels:
        d = bilinear(tex, offset + w * h, (w + 1) / 2, (h + 1) / 2, info.srgb, s, t, ref.wrap_s, ref.wrap_t)
        c = c + (d - c) * blend
    forget_loads()
    return wp.cw_mul(c, tex.refs[which].scale) + tex.refs[which].bias


@wp.func
def pick_channel(c: wp.vec4, channel: int) -> float:
    if channel == 1:
        return c[1]
    if channel == 2:
        return c[2]
    if channel == 3:
        return c[3]
    return c[0]
