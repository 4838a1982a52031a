"""The one kernel that makes the canvas: any output, laid out, coloured, compared, marked and numbered, as RGBA8."""

from __future__ import annotations

from typing import Any

import warp as wp

__all__ = ["MosaicParams", "compose_mosaic", "mosaic"]


@wp.struct
class MosaicParams:
    """Everything but the pixels."""

    # Layout: canvas pixels, see TileGrid.
    first: int
    count: int
    columns: int
    origin_x: float
    origin_y: float
    cell_width: float
    cell_height: float
    gap: int
    # Colours.
    coloring: int
    low: float
    high: float
    brightness: float
    flow_scale: float
    # Comparison: 0 a, 1 b, 2 split, 3 difference.
    compare: int
    split: float
    gain: float
    # Read-out: slot and pixel of the tile below the pointer, -1 if there is none.
    probe_slot: int
    probe_x: int
    probe_y: int
    # Canvas pixels for each pixel of the digits; 0 writes no numbers.
    numbers: int


_EMPTY = wp.constant(wp.vec3(0.085, 0.085, 0.09))
_PENDING = wp.constant(wp.vec3(0.13, 0.13, 0.14))
_DIGITS = wp.constant(
    wp.types.vector(10, wp.int32)(31599, 11415, 29671, 29647, 23497, 31183, 31215, 29257, 31727, 31695)
)
"""Digits 0 to 9 as 3 x 5 bits, upper left first."""


_MIX_A = wp.constant(wp.uint32(2654435769))
_MIX_B = wp.constant(wp.uint32(2246822519))


@wp.func
def _encode(linear: float) -> float:
    x = wp.clamp(linear, 0.0, 1.0)
    if x <= 0.0031308:
        return 12.92 * x
    return 1.055 * wp.pow(x, 1.0 / 2.4) - 0.055


@wp.func
def _look_up(table: wp.array(dtype=wp.vec3), at: float) -> wp.vec3:
    place = wp.clamp(at, 0.0, 1.0) * 255.0
    i = wp.min(int(place), 254)
    return wp.lerp(table[i], table[i + 1], place - float(i))


@wp.func
def _id_color(id: wp.uint32) -> wp.vec3:
    """A strong colour of any hue; 0 is black."""
    if id == wp.uint32(0):
        return wp.vec3(0.0)
    mixed = (id * _MIX_A) ^ (id * _MIX_B >> wp.uint32(13))
    hue = float(mixed >> wp.uint32(16)) / 65536.0 * 6.0
    step = float(mixed & wp.uint32(0xFFFF)) / 65536.0
    saturation = 0.55 + 0.35 * step
    value = 0.95 - 0.3 * step
    color = wp.vec3(0.0)
    for c in range(3):
        k = wp.mod(5.0 - 2.0 * float(c) + hue, 6.0)
        color[c] = value - value * saturation * wp.clamp(wp.min(k, 4.0 - k), 0.0, 1.0)
    return color


@wp.func
def _depth_at(depth: float, low: float, high: float) -> float:
    """Place in the colour map: linear in 1 / depth, 1 is nearest."""
    return (1.0 / wp.max(depth, 1.0e-6) - 1.0 / high) / wp.max(1.0 / low - 1.0 / high, 1.0e-12)


@wp.func
def _color(tiles: wp.array4d(dtype=Any), slot: int, x: int, y: int, p: MosaicParams, table: wp.array(dtype=wp.vec3)):
    """Display colour of a pixel."""
    channels = tiles.shape[3]
    r = float(tiles[slot, y, x, 0])
    if p.coloring == 2:
        if not wp.isfinite(r) or r <= 0.0:
            return wp.vec3(0.0)
        return _look_up(table, _depth_at(r, p.low, p.high))
    if p.coloring == 5:
        return _id_color(wp.uint32(tiles[slot, y, x, 0]))
    g = r
    b = r
    if channels > 1:
        g = float(tiles[slot, y, x, 1])
        b = float(0.0)
    if channels > 2:
        b = float(tiles[slot, y, x, 2])
    if not (wp.isfinite(r) and wp.isfinite(g) and wp.isfinite(b)):
        return wp.vec3(1.0, 0.0, 1.0)
    if p.coloring == 0:
        return wp.vec3(r, g, b) / 255.0
    if p.coloring == 1:
        return wp.vec3(_encode(r * p.brightness), _encode(g * p.brightness), _encode(b * p.brightness))
    if p.coloring == 3:
        if r == 0.0 and g == 0.0 and b == 0.0:
            return wp.vec3(0.0)
        return wp.vec3(0.5 + 0.5 * r, 0.5 + 0.5 * g, 0.5 + 0.5 * b)
    return wp.vec3(0.5 + 0.5 * r * p.flow_scale, 0.5 + 0.5 * g * p.flow_scale, 0.5)


@wp.func
def _difference(
    a: wp.array4d(dtype=Any),
    b: wp.array4d(dtype=Any),
    slot: int,
    x: int,
    y: int,
    p: MosaicParams,
    table: wp.array(dtype=wp.vec3),
):
    """How far two pictures are apart, through the colour map; ids: white where they differ."""
    if p.coloring == 5:
        if a[slot, y, x, 0] == b[slot, y, x, 0]:
            return 0.25 * _color(a, slot, x, y, p, table)
        return wp.vec3(1.0)
    apart = float(0.0)
    for c in range(wp.min(a.shape[3], 3)):
        va = float(a[slot, y, x, c])
        vb = float(b[slot, y, x, c])
        if wp.isfinite(va) and wp.isfinite(vb):
            apart = wp.max(apart, wp.abs(va - vb))
        elif va != vb and not (wp.isnan(va) and wp.isnan(vb)):
            apart = float(wp.inf)
    if not wp.isfinite(apart):
        return wp.vec3(1.0, 0.0, 1.0)
    scale = float(1.0)
    if p.coloring == 0:
        scale = 1.0 / 255.0
    if p.coloring == 2:
        scale = 1.0 / wp.max(p.high - p.low, 1.0e-6)
    return _look_up(table, apart * scale * p.gain)


@wp.func
def _number_mask(number: int, x: int, y: int, size: int):
    """1 on the strokes of a number whose upper left corner is (0, 0), 0.5 on the plate around them, else 0."""
    digits = int(1)
    rest = number // 10
    while rest > 0:
        digits += 1
        rest = rest // 10
    column = x // size - 1
    line = y // size - 1
    if x < 0 or y < 0 or column > 4 * digits - 1 or line > 5:
        return 0.0
    if column < 0 or line < 0 or line > 4 or column % 4 == 3:
        return 0.5
    digit = number
    for _i in range(digits - 1 - column // 4):
        digit = digit // 10
    if (_DIGITS[digit % 10] >> (14 - line * 3 - column % 4)) & 1 == 1:
        return 1.0
    return 0.5


@wp.kernel(enable_backward=False, module="omni_tile_mosaic")
def mosaic(
    p: MosaicParams,
    a: wp.array4d(dtype=Any),
    b: wp.array4d(dtype=Any),
    slots: wp.array(dtype=wp.int32),
    labels: wp.array(dtype=wp.int32),
    marks: wp.array(dtype=wp.vec4),
    table: wp.array(dtype=wp.vec3),
    out: wp.array3d(dtype=wp.uint8),
    probe: wp.array(dtype=wp.float64),
):
    """One thread a canvas pixel.

    ``slots``, ``labels`` and ``marks`` are by place on the canvas, from ``p.first`` on: the row in ``a`` and ``b``
    (-1: not captured yet), the number written into it, and the colour of its border.
    """
    py, px = wp.tid()
    if py == 0 and px == 0 and p.probe_slot >= 0:
        for c in range(a.shape[3]):
            probe[c] = wp.float64(a[p.probe_slot, p.probe_y, p.probe_x, c])
            probe[4 + c] = wp.float64(b[p.probe_slot, p.probe_y, p.probe_x, c])
    half = float(p.gap) * 0.5
    pitch_x = p.cell_width + float(p.gap)
    pitch_y = p.cell_height + float(p.gap)
    gx = float(px) + 0.5 - p.origin_x + half
    gy = float(py) + 0.5 - p.origin_y + half
    column = int(wp.floor(gx / pitch_x))
    line = int(wp.floor(gy / pitch_y))
    place = line * p.columns + column - p.first
    color = wp.vec3(_EMPTY)
    if gx >= 0.0 and gy >= 0.0 and column < p.columns and place >= 0 and place < p.count:
        x = gx - float(column) * pitch_x - half
        y = gy - float(line) * pitch_y - half
        inside = x >= 0.0 and y >= 0.0 and x < p.cell_width and y < p.cell_height
        mark = marks[place]
        if not inside:
            color = wp.lerp(color, wp.vec3(mark[0], mark[1], mark[2]), mark[3])
        elif slots[place] < 0:
            color = wp.vec3(_PENDING)
            if (px + py) % 12 < 2:
                color = wp.vec3(_PENDING) * 1.6
        else:
            slot = slots[place]
            tile_h = a.shape[1]
            tile_w = a.shape[2]
            step_x = float(tile_w) / p.cell_width
            step_y = float(tile_h) / p.cell_height
            # Made smaller, a colour is the mean of up to 3 x 3 pixels. Ids have no mean.
            taps_x = wp.clamp(int(wp.ceil(step_x - 0.01)), 1, 3)
            taps_y = wp.clamp(int(wp.ceil(step_y - 0.01)), 1, 3)
            if p.coloring == 5:
                taps_x = 1
                taps_y = 1
            sum = wp.vec3(0.0)
            other = p.compare == 1 or (p.compare == 2 and x > p.split * p.cell_width)
            for j in range(taps_y):
                for i in range(taps_x):
                    sx = wp.clamp(int((x - 0.5 + (float(i) + 0.5) / float(taps_x)) * step_x), 0, tile_w - 1)
                    sy = wp.clamp(int((y - 0.5 + (float(j) + 0.5) / float(taps_y)) * step_y), 0, tile_h - 1)
                    if p.compare == 3:
                        sum += _difference(a, b, slot, sx, sy, p, table)
                    elif other:
                        sum += _color(b, slot, sx, sy, p, table)
                    else:
                        sum += _color(a, slot, sx, sy, p, table)
            color = sum / float(taps_x * taps_y)
            if p.compare == 2 and wp.abs(x - p.split * p.cell_width) < 1.0:
                color = wp.vec3(1.0)
            if p.numbers > 0:
                shade = _number_mask(labels[place], int(x), int(y), p.numbers)
                if shade == 1.0:
                    color = wp.vec3(0.95)
                elif shade > 0.0:
                    color = color * 0.35
    for c in range(3):
        out[py, px, c] = wp.uint8(wp.clamp(color[c], 0.0, 1.0) * 255.0 + 0.5)
    out[py, px, 3] = wp.uint8(255)


for _dtype in (wp.uint8, wp.int32, wp.float32):
    _array = wp.array4d(dtype=_dtype)
    wp.overload(mosaic, {"a": _array, "b": _array})


def compose_mosaic(
    params: MosaicParams,
    a: wp.array,
    b: wp.array | None,
    slots: wp.array,
    labels: wp.array,
    marks: wp.array,
    table: wp.array,
    out: wp.array,
    probe: wp.array,
    stream: wp.Stream | None = None,
) -> None:
    """Launch the kernel.

    Args:
        params: Layout, colours, comparison.
        a: (V, H, W, C) tiles.
        b: The tiles to compare with, like ``a``; None is ``a`` itself.
        slots: (M,) int32 index into ``a`` and ``b`` by place; -1 where there is nothing yet.
        labels: (M,) int32 number written into each tile.
        marks: (M,) vec4 colour and strength of each border.
        table: (256,) vec3 colour map.
        out: (H, W, 4) uint8 canvas.
        probe: (8,) float64; receives the values of the pixel below the pointer, of ``a`` and of ``b``.
        stream: CUDA stream to launch on; None is the device's present one.
    """
    wp.launch(
        mosaic,
        dim=out.shape[:2],
        inputs=[params, a, a if b is None else b, slots, labels, marks, table, out, probe],
        device=out.device,
        stream=stream,
    )
