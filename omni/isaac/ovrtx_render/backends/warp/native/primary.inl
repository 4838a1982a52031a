// Nearest hit of the camera rays of one tile. Entries are the shapes this camera may see, sorted by depth, each with
// the ray set-up already in the shape's own frame: direction = base + x du + y dv (perspective), or the same sum on
// the origin (orthographic). t is the planar depth.
const int n = count.data[cam];
const float* first_entry = entries.data + (long long)cam * capacity * ENTRY;
const int* sorted = order.data + (long long)cam * capacity;
F T[ROWS], U[ROWS], V[ROWS], T0[ROWS];
M I[ROWS], P[ROWS];
F xs;
for (int i = 0; i < LANES; ++i) OVRTX_LANE(xs, i) = (float)(x0 + i) + jitter_x;
const long long image = (long long)cam * width * height;
float farthest = 0.0f;
for (int r = 0; r < ROWS; ++r) {
    T[r] = splat(far_clip);
    T0[r] = splat(near_clip);
    I[r] = (M)(-1); P[r] = (M)(-1);
    U[r] = splat(0.0f); V[r] = splat(0.0f);
    if (layer > 0) {
        // Go on behind the surface that the last layer found; a ray that is finished has nothing left to see.
        for (int i = 0; i < LANES; ++i) {
            int x = x0 + i, y = y0 + r;
            if (x < width && y < height) {
                long long p = image + (long long)y * width + x;
                float last = hit_t.data[p];
                OVRTX_LANE(T0[r], i) = through.data[p] > 0.0f ? last * 1.00001f + 1.0e-6f : INF;
                if (!(through.data[p] > 0.0f)) OVRTX_LANE(T[r], i) = -INF;
            }
        }
    }
    for (int i = 0; i < LANES; ++i) farthest = farthest > OVRTX_LANE(T[r], i) ? farthest : OVRTX_LANE(T[r], i);
}
// Which entries touch the tile? On CUDA the 32 lanes of a warp, which draw one tile of 8 x 4 pixels, test one entry each
// and share the answer; then all of them walk the few that are left.
auto touches = [&](const float* e, int tx, int ty, int tw, int th) {
    const int xr = as_int(e[14]), yr = as_int(e[15]);
    return (xr & 0xffff) < tx + tw && (xr >> 16) >= tx && (yr & 0xffff) < ty + th && (yr >> 16) >= ty;
};
#if defined(__CUDA_ARCH__)
const int lane = (x0 & 7) | ((y0 & 3) << 3);
unsigned left = 0;
for (int next = 0; next < n || left;) {
    if (!left) {
        const int mine = next + lane;
        left = __ballot_sync(0xffffffffu, mine < n && touches(first_entry + sorted[mine < n ? mine : 0] * ENTRY,
                                                              x0 & ~7, y0 & ~3, 8, 4));
        next += 32;
        if (!left) continue;
    }
    const int k = next - 32 + __ffs(left) - 1;
    left &= left - 1;
    const float* e = first_entry + sorted[k] * ENTRY;
    if (e[12] > farthest) {
        // Sorted by depth: this lane is done, but stays for the others' votes.
        continue;
    }
#else
for (int k = 0; k < n; ++k) {
    const float* e = first_entry + sorted[k] * ENTRY;
    if (e[12] > farthest) break;
#endif
    if (!touches(e, x0, y0, LANES, ROWS)) continue;
    const int ey0 = as_int(e[15]) & 0xffff, ey1 = as_int(e[15]) >> 16;
    const int inst = as_int(e[13]);
    const float* g = geometry.data + inst_geometry.data[inst] * GEOM;
    const int kind = as_int(g[0]);
    const bool two_sided = inst_two_sided.data[inst] != 0;
    const bool ortho = e[16] != 0.0f;
    bool closer = false;
    const int r0 = ey0 > y0 ? ey0 - y0 : 0, r1 = ey1 - y0 < ROWS - 1 ? ey1 - y0 : ROWS - 1;
    for (int r = r0; r <= r1; ++r) {
        const float ys = (float)(y0 + r) + jitter_y;
        F sx = xs * e[6] + ys * e[9], sy = xs * e[7] + ys * e[10], sz = xs * e[8] + ys * e[11];
        F ox = splat(e[0]), oy = splat(e[1]), oz = splat(e[2]), dx = splat(e[3]), dy = splat(e[4]), dz = splat(e[5]);
        if (ortho) { ox += sx; oy += sy; oz += sz; } else { dx += sx; dy += sy; dz += sz; }
        if (kind != MESH) {
            F t = hit_convex(kind, g + 4, two_sided, ox, oy, oz, dx, dy, dz, T0[r], T[r]);
            M hit = t < T[r];
            if (any(hit)) {
                T[r] = sel(hit, t, T[r]);
                I[r] = sel(hit, (M)(inst), I[r]);
                P[r] = sel(hit, (M)(-1), P[r]);
                closer = true;
            }
        } else {
            F enter;
            M in = meets_box(g, ox, oy, oz, dx, dy, dz, T0[r], T[r], enter);
            if (!any(in)) continue;
            const float* nodes = bvh_nodes.data + (long long)as_int(g[1]) * (7 * WIDTH);
            const float* leaves = bvh_leaves.data + (long long)as_int(g[2]) * LEAF;
            for (int i = 0; i < LANES; ++i) {
                if (!OVRTX_LANE(in, i)) continue;
                float t = OVRTX_LANE(T[r], i), u = 0.0f, v = 0.0f;
                int prim = -1;
                if (hit_mesh(nodes, leaves, two_sided, false, OVRTX_LANE(ox, i), OVRTX_LANE(oy, i), OVRTX_LANE(oz, i),
                             OVRTX_LANE(dx, i), OVRTX_LANE(dy, i), OVRTX_LANE(dz, i), OVRTX_LANE(enter, i),
                             OVRTX_LANE(T0[r], i), t, prim, u, v)) {
                    OVRTX_LANE(T[r], i) = t;
                    OVRTX_LANE(U[r], i) = u;
                    OVRTX_LANE(V[r], i) = v;
                    OVRTX_LANE(I[r], i) = inst;
                    OVRTX_LANE(P[r], i) = prim;
                    closer = true;
                }
            }
        }
    }
    if (closer) {
        farthest = 0.0f;
        for (int r = 0; r < ROWS; ++r)
            for (int i = 0; i < LANES; ++i)
                farthest = farthest > OVRTX_LANE(T[r], i) ? farthest : OVRTX_LANE(T[r], i);
    }
}
for (int r = 0; r < ROWS; ++r) {
    const int y = y0 + r;
    if (y >= height) break;
    const long long p = image + (long long)y * width + x0;
    for (int i = 0; i < LANES && x0 + i < width; ++i) {
        hit_t.data[p + i] = OVRTX_LANE(T[r], i);
        hit_instance.data[p + i] = OVRTX_LANE(I[r], i);
        hit_prim.data[p + i] = OVRTX_LANE(P[r], i);
        hit_u.data[p + i] = OVRTX_LANE(U[r], i);
        hit_v.data[p + i] = OVRTX_LANE(V[r], i);
    }
}
