// Nearest hit of the camera rays of one tile. Entries are the shapes this camera may see, sorted by depth, each with
// the ray set-up already in the shape's own frame: direction = base + x du + y dv (perspective), or the same sum on
// the origin (orthographic). t is the planar depth.
const int n = count.data[cam];
const float* first_entry = entries.data + (long long)cam * capacity * ENTRY;
const int* sorted = order.data + (long long)cam * capacity;
const long long image = (long long)cam * width * height;

// What of an entry every ray asks first: its depth, its instance, and the pixels its shape may cover.
struct Place { float depth; int inst; bool ortho; int x0, x1, y0, y1; };
auto place_of = [&](const float* e) {
    const Four v = four(e + 12);
    const int inst = as_int(v.y), xs = as_int(v.z), ys = as_int(v.w);
    return Place{v.x, inst & 0x7fffffff, inst < 0, xs & 0xffff, xs >> 16, ys & 0xffff, ys >> 16};
};
auto touches = [](Place s, int x, int y, int w, int h) {
    return s.x0 < x + w && s.x1 >= x && s.y0 < y + h && s.y1 >= y;
};
struct Ray { F ox, oy, oz, dx, dy, dz; };
auto ray_of = [&](const float* e, bool ortho, F x, float y) {
    const Four a = four(e), b = four(e + 4), c = four(e + 8);
    const F sx = x * b.z + y * c.y, sy = x * b.w + y * c.z, sz = x * c.x + y * c.w;
    Ray r{splat(a.x), splat(a.y), splat(a.z), splat(a.w), splat(b.x), splat(b.y)};
    if (ortho) { r.ox += sx; r.oy += sy; r.oz += sz; } else { r.dx += sx; r.dy += sy; r.dz += sz; }
    return r;
};

#if defined(__CUDA_ARCH__)
// The 32 lanes of a warp draw one tile of 8 x 4 pixels. Each entry is met by few of them, so none is traced while the
// others wait: every lane first notes which meshes it has to trace, and then all trace, each its own.
const bool inside = x0 < width && y0 < height;
const long long p = image + (long long)y0 * width + x0;
const float x = (float)x0 + jitter_x, y = (float)y0 + jitter_y;
float T = inside ? far_clip : -INF, T0 = near_clip, U = 0.0f, V = 0.0f;
int I = -1, P = -1;
if (layer > 0 && inside) {
    // Go on behind the surface that the last layer found; a ray that is finished has nothing left to see.
    T0 = hit_t.data[p] * 1.00001f + 1.0e-6f;
    if (!(through.data[p] > 0.0f)) T = -INF;
}
const int lane = (x0 & 7) | ((y0 & 3) << 3);
for (int next = 0; next < n; next += 32) {
    // Which of the next 32 entries touch the tile? Each lane asks for one, and shares the answer.
    const int mine = next + lane < n ? next + lane : n - 1;
    const Place s = place_of(first_entry + sorted[mine] * ENTRY);
    unsigned left = __ballot_sync(0xffffffffu, mine == next + lane && touches(s, x0 & ~7, y0 & ~3, 8, 4));
    unsigned meshes = 0;
    for (; left; left &= left - 1) {
        const int bit = __ffs(left) - 1;
        const float* e = first_entry + sorted[next + bit] * ENTRY;
        const Place s = place_of(e);
        if (s.depth > T || !touches(s, x0, y0, 1, 1)) continue;
        const float* g = geometry.data + inst_geometry.data[s.inst] * GEOM;
        const int kind = as_int(g[0]);
        const Ray r = ray_of(e, s.ortho, x, y);
        if (ANALYTIC && (!MESHES || kind != MESH)) {
            const bool two_sided = inst_two_sided.data[s.inst] != 0;
            const float t = hit_convex(kind, four(g + 4), two_sided, r.ox, r.oy, r.oz, r.dx, r.dy, r.dz, T0, T);
            if (t < T) { T = t; I = s.inst; P = -1; }
        } else if (MESHES) {
            float enter;
            if (meets_box(g, r.ox, r.oy, r.oz, r.dx, r.dy, r.dz, T0, T, enter)) meshes |= 1u << bit;
        }
    }
    for (; MESHES && meshes; meshes &= meshes - 1) {
        const float* e = first_entry + sorted[next + __ffs(meshes) - 1] * ENTRY;
        const Place s = place_of(e);
        if (s.depth > T) break;  // they are sorted by depth
        const float* g = geometry.data + inst_geometry.data[s.inst] * GEOM;
        const Four what = four(g);
        const bool two_sided = inst_two_sided.data[s.inst] != 0;
        const Ray r = ray_of(e, s.ortho, x, y);
        float enter;
        if (!meets_box(g, r.ox, r.oy, r.oz, r.dx, r.dy, r.dz, T0, T, enter)) continue;
        const float* nodes = bvh_nodes.data + (long long)as_int(what.y) * (7 * WIDTH);
        const float* leaves = bvh_leaves.data + (long long)as_int(what.z) * LEAF;
        if (hit_mesh(nodes, leaves, two_sided, false, r.ox, r.oy, r.oz, r.dx, r.dy, r.dz, enter, T0, T, P, U, V))
            I = s.inst;
    }
}
if (inside) {
    hit_t.data[p] = T;
    hit_instance.data[p] = I;
    hit_prim.data[p] = P;
    hit_u.data[p] = U;
    hit_v.data[p] = V;
}
#else
F T[ROWS], U[ROWS], V[ROWS], T0[ROWS];
M I[ROWS], P[ROWS];
F xs;
for (int i = 0; i < LANES; ++i) xs[i] = (float)(x0 + i) + jitter_x;
#pragma clang loop unroll(disable)
for (int r = 0; r < ROWS; ++r) {
    T[r] = splat(far_clip);
    T0[r] = splat(near_clip);
    I[r] = (M)(-1); P[r] = (M)(-1);
    U[r] = splat(0.0f); V[r] = splat(0.0f);
    if (layer > 0) {
        for (int i = 0; i < LANES; ++i) {
            int x = x0 + i, y = y0 + r;
            if (x < width && y < height) {
                long long p = image + (long long)y * width + x;
                float last = hit_t.data[p];
                T0[r][i] = through.data[p] > 0.0f ? last * 1.00001f + 1.0e-6f : INF;
                if (!(through.data[p] > 0.0f)) T[r][i] = -INF;
            }
        }
    }
}
auto farthest_of_all = [&]() {
    F most = splat(0.0f);
    for (int r = 0; r < ROWS; ++r) most = vmax(most, T[r]);
    return __builtin_reduce_max(most);
};
float farthest = farthest_of_all();
for (int k = 0; k < n; ++k) {
    const float* e = first_entry + sorted[k] * ENTRY;
    const Place s = place_of(e);
    if (s.depth > farthest) break;
    if (!touches(s, x0, y0, LANES, ROWS)) continue;
    const float* g = geometry.data + inst_geometry.data[s.inst] * GEOM;
    const Four what = four(g);
    const int kind = as_int(what.x);
    const bool two_sided = inst_two_sided.data[s.inst] != 0;
    bool closer = false;
    const int r0 = s.y0 > y0 ? s.y0 - y0 : 0, r1 = s.y1 - y0 < ROWS - 1 ? s.y1 - y0 : ROWS - 1;
    for (int r = r0; r <= r1; ++r) {
        const Ray a = ray_of(e, s.ortho, xs, (float)(y0 + r) + jitter_y);
        if (ANALYTIC && (!MESHES || kind != MESH)) {
            F t = hit_convex(kind, four(g + 4), two_sided, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, T0[r], T[r]);
            M hit = t < T[r];
            if (any(hit)) {
                T[r] = sel(hit, t, T[r]);
                I[r] = sel(hit, (M)(s.inst), I[r]);
                P[r] = sel(hit, (M)(-1), P[r]);
                closer = true;
            }
        } else if (MESHES) {
            F enter;
            M in = meets_box(g, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, T0[r], T[r], enter);
            if (!any(in)) continue;
            const float* nodes = bvh_nodes.data + (long long)as_int(what.y) * (7 * WIDTH);
            const float* leaves = bvh_leaves.data + (long long)as_int(what.z) * LEAF;
            for (int i = 0; i < LANES; ++i) {
                if (!in[i]) continue;
                float t = T[r][i], u = 0.0f, v = 0.0f;
                int prim = -1;
                if (hit_mesh(nodes, leaves, two_sided, false, a.ox[i], a.oy[i], a.oz[i], a.dx[i], a.dy[i], a.dz[i],
                             enter[i], T0[r][i], t, prim, u, v)) {
                    T[r][i] = t;
                    U[r][i] = u;
                    V[r][i] = v;
                    I[r][i] = s.inst;
                    P[r][i] = prim;
                    closer = true;
                }
            }
        }
    }
    if (closer) farthest = farthest_of_all();
}
#pragma clang loop unroll(disable)
for (int r = 0; r < ROWS && y0 + r < height; ++r) {
    const long long p = image + (long long)(y0 + r) * width + x0;
    if (x0 + LANES <= width) {
        *(Fu*)(hit_t.data + p) = T[r];
        *(Mu*)(hit_instance.data + p) = I[r];
        *(Mu*)(hit_prim.data + p) = P[r];
        *(Fu*)(hit_u.data + p) = U[r];
        *(Fu*)(hit_v.data + p) = V[r];
        continue;
    }
    for (int i = 0; x0 + i < width; ++i) {
        hit_t.data[p + i] = T[r][i];
        hit_instance.data[p + i] = I[r][i];
        hit_prim.data[p + i] = P[r][i];
        hit_u.data[p + i] = U[r][i];
        hit_v.data[p + i] = V[r][i];
    }
}
#endif
