// Does anything stand between origin and origin + reach * direction? One tile of rays, directions of unit length.
// A ray of reach <= 0 is not traced. Rays leave `amount` alone where they are blocked and add `weight` where not.
// Shapes come from two ranges of clusters: the shared ones and those of the camera's own environment.
// A cut-out (16 floats): texel offset, width, height, channel, wrap s, wrap t, scale, bias, threshold, uv matrix 3x2,
// opacity where there are no texture coordinates.
auto wrapped = [](float x, int size, int mode) {
    int i = (int)floorf(x * (float)size);
    if (mode == 1) return i < 0 ? 0 : i >= size ? size - 1 : i;
    if (mode == 3) return i < 0 || i >= size ? -1 : i;
    int period = mode == 2 ? 2 * size : size;
    i %= period;
    if (i < 0) i += period;
    return i >= size ? period - 1 - i : i;
};
auto solid_at = [&](int inst, int prim, float u, float v) {
    const float* c = cutouts.data + inst_material.data[inst] * 16;
    if (inst_uvs.data[inst] < 0 || prim < 0) return c[15] >= c[8];
    const float* st = (const float*)(uvs.data) + 6LL * (inst_uvs.data[inst] + prim);
    float w = 1.0f - u - v;
    float a = st[0] * w + st[2] * u + st[4] * v, b = st[1] * w + st[3] * u + st[5] * v;
    int sx = wrapped(a * c[9] + b * c[11] + c[13], as_int(c[1]), as_int(c[4]));
    int sy = wrapped(1.0f - (a * c[10] + b * c[12] + c[14]), as_int(c[2]), as_int(c[5]));
    if (sx < 0 || sy < 0) return c[7] >= c[8];
    unsigned texel = texels.data[as_int(c[0]) + sy * as_int(c[1]) + sx];
    float opacity = (float)((texel >> (8 * as_int(c[3]))) & 255u) * (1.0f / 255.0f);
    return opacity * c[6] + c[7] >= c[8];
};
// Clusters of one part of the scene: shared, and the camera's own. Not arrays, which would lie in local memory on CUDA.
auto first_of = [&](int part) { return part ? begin1 : begin0; };
auto end_of = [&](int part) { return part ? end1 : end0; };
const long long image = (long long)cam * width * height;

struct Ray { F ox, oy, oz, dx, dy, dz, reach; };
auto near_ball = [&](const float* ball, const Ray& r) {
    const Four b = four(ball);
    F cx = splat(b.x) - r.ox, cy = splat(b.y) - r.oy, cz = splat(b.z) - r.oz;
    F along = cx * r.dx + cy * r.dy + cz * r.dz;
    F off = cx * cx + cy * cy + cz * cz - along * along;
    M near = (off <= splat(b.w * b.w * 1.00001f)) & (along > splat(-b.w)) & (along - splat(b.w) < r.reach);
    return b.w > 1.0e8f ? (M)(-1) : near;
};
auto to_local = [&](int inst, const Ray& r) {
    const float* m = (const float*)(world_to_local.data + inst);
    const Four a = four(m), b = four(m + 4), c = four(m + 8);
    return Ray{a.x * r.ox + a.y * r.oy + a.z * r.oz + c.y, a.w * r.ox + b.x * r.oy + b.y * r.oz + c.z,
               b.z * r.ox + b.w * r.oy + c.x * r.oz + c.w, a.x * r.dx + a.y * r.dy + a.z * r.dz,
               a.w * r.dx + b.x * r.dy + b.y * r.dz, b.z * r.dx + b.w * r.dy + c.x * r.dz, r.reach};
};
// Whether a mesh blocks one ray, given in its frame. A cut-out is asked at each of its surfaces in turn, up to 16.
auto blocks = [&](int inst, const float* g, float ox, float oy, float oz, float dx, float dy, float dz, float enter,
                  float reach) {
    const Four what = four(g);
    const float* nodes = bvh_nodes.data + (long long)as_int(what.y) * (7 * WIDTH);
    const float* leaves = bvh_leaves.data + (long long)as_int(what.z) * LEAF;
    const bool cut = inst_shadow.data[inst] == 2;
    // From where the ray enters the box, as hit_mesh would do it: not to hold where it began as well.
    ox += enter * dx; oy += enter * dy; oz += enter * dz;
    float from = -enter, u, v;
    int prim;
#pragma unroll 1
    for (int step = 0; step < (cut ? 16 : 1); ++step) {
        float t = reach - enter;
        if (!hit_mesh(nodes, leaves, true, !cut, ox, oy, oz, dx, dy, dz, 0.0f, from, t, prim, u, v)) return false;
        if (!cut || solid_at(inst, prim, u, v)) return true;
        from = (t + enter) * 1.00001f + 1.0e-6f - enter;
    }
    return false;
};

#if defined(__CUDA_ARCH__)
// As in primary.inl: a lane notes the meshes that its ray may meet, of up to 32 instances (whole clusters of at most
// 16), and all lanes of a warp trace theirs together.
if (x0 < width && y0 < height) {
    const long long p = image + (long long)y0 * width + x0;
    const Four o = four((const float*)(origin.data + p));
    const float* d = (const float*)(direction.data + p);
    const Ray r{o.x, o.y, o.z, d[0], d[1], d[2], o.w};
    bool open = r.reach > 0.0f;
#pragma unroll 1
    for (int part = 0; part < 2; ++part) {
        const int end = end_of(part);
        for (int cluster = first_of(part); cluster < end && open;) {
            const int first = cluster_first.data[cluster];
            unsigned meshes = 0;
            for (; cluster < end; ++cluster) {
                const int last = cluster_first.data[cluster + 1];
                if (last - first > 32) break;
                if (!near_ball((const float*)(cluster_bounds.data + cluster), r)) continue;
                for (int inst = cluster_first.data[cluster]; inst < last; ++inst) {
                    if (!inst_shadow.data[inst]) continue;
                    if (!near_ball((const float*)(bounds.data + inst), r)) continue;
                    const Ray a = to_local(inst, r);
                    const float* g = geometry.data + inst_geometry.data[inst] * GEOM;
                    const int kind = as_int(g[0]);
                    float enter;
                    if (ANALYTIC && (!MESHES || kind != MESH)) {
                        if (inst_shadow.data[inst] == 2 && !solid_at(inst, -1, 0.0f, 0.0f)) continue;
                        // A shadow does not depend on the side the light sees.
                        if (hit_convex(kind, four(g + 4), true, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, 0.0f, r.reach) <
                            r.reach)
                            open = false;
                    } else if (meets_box(g, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, 0.0f, r.reach, enter)) {
                        meshes |= 1u << (inst - first);
                    }
                }
            }
            for (; MESHES && meshes && open; meshes &= meshes - 1) {
                const int inst = first + __ffs(meshes) - 1;
                const Ray a = to_local(inst, r);
                const float* g = geometry.data + inst_geometry.data[inst] * GEOM;
                float enter;
                meets_box(g, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, 0.0f, a.reach, enter);
                if (blocks(inst, g, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, enter, a.reach)) open = false;
            }
        }
    }
    if (open) amount.data[p * channels + channel] += weight;
}
#else
for (int r = 0; r < ROWS; ++r) {
    const int y = y0 + r;
    if (y >= height) break;
    const long long p = image + (long long)y * width + x0;
    Ray ray;
    for (int i = 0; i < LANES; ++i) {
        const bool in = x0 + i < width;
        const float* o = (const float*)(origin.data + (in ? p + i : p));
        const float* d = (const float*)(direction.data + (in ? p + i : p));
        ray.ox[i] = o[0]; ray.oy[i] = o[1]; ray.oz[i] = o[2];
        ray.dx[i] = d[0]; ray.dy[i] = d[1]; ray.dz[i] = d[2];
        ray.reach[i] = in ? o[3] : 0.0f;
    }
    M open = ray.reach > splat(0.0f);
    if (!any(open)) continue;
    bool done = false;
    for (int part = 0; part < 2 && !done; ++part) {
        for (int cluster = first_of(part); cluster < end_of(part) && !done; ++cluster) {
            if (!any(open & near_ball((const float*)(cluster_bounds.data + cluster), ray))) continue;
            const int last = cluster_first.data[cluster + 1];
            for (int inst = cluster_first.data[cluster]; inst < last; ++inst) {
                if (!inst_shadow.data[inst]) continue;
                M touch = open & near_ball((const float*)(bounds.data + inst), ray);
                if (!any(touch)) continue;
                const Ray a = to_local(inst, ray);
                const float* g = geometry.data + inst_geometry.data[inst] * GEOM;
                const int kind = as_int(g[0]);
                if (ANALYTIC && (!MESHES || kind != MESH)) {
                    if (inst_shadow.data[inst] == 2 && !solid_at(inst, -1, 0.0f, 0.0f)) continue;
                    // A shadow does not depend on the side the light sees.
                    F t = hit_convex(kind, four(g + 4), true, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, splat(0.0f), a.reach);
                    open = open & ((t >= a.reach) | (touch == 0));
                } else if (MESHES) {
                    F enter;
                    M in = touch & meets_box(g, a.ox, a.oy, a.oz, a.dx, a.dy, a.dz, splat(0.0f), a.reach, enter);
                    for (int i = 0; any(in) && i < LANES; ++i)
                        if (in[i] && blocks(inst, g, a.ox[i], a.oy[i], a.oz[i], a.dx[i], a.dy[i], a.dz[i], enter[i],
                                            a.reach[i]))
                            open[i] = 0;
                }
                if (!any(open)) { done = true; break; }
            }
        }
    }
    for (int i = 0; i < LANES && x0 + i < width; ++i)
        if (open[i]) amount.data[(p + i) * channels + channel] += weight;
}
#endif
