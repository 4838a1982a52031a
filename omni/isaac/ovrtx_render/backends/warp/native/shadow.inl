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
const int begins[2] = {begin0, begin1}, ends[2] = {end0, end1};
const long long image = (long long)cam * width * height;
for (int r = 0; r < ROWS; ++r) {
    const int y = y0 + r;
    if (y >= height) break;
    const long long p = image + (long long)y * width + x0;
    F ox, oy, oz, dx, dy, dz, reach;
    for (int i = 0; i < LANES; ++i) {
        const bool in = x0 + i < width;
        const float* o = (const float*)(origin.data + (in ? p + i : p));
        const float* d = (const float*)(direction.data + (in ? p + i : p));
        OVRTX_LANE(ox, i) = o[0]; OVRTX_LANE(oy, i) = o[1]; OVRTX_LANE(oz, i) = o[2];
        OVRTX_LANE(reach, i) = in ? o[3] : 0.0f;
        OVRTX_LANE(dx, i) = d[0]; OVRTX_LANE(dy, i) = d[1]; OVRTX_LANE(dz, i) = d[2];
    }
    M open = reach > splat(0.0f);
    if (!any(open)) continue;
    // Which open rays come near a sphere.
    auto near_ball = [&](const float* b) {
        const float radius = b[3];
        if (radius > 1.0e8f) return open;
        F cx = splat(b[0]) - ox, cy = splat(b[1]) - oy, cz = splat(b[2]) - oz;
        F along = cx * dx + cy * dy + cz * dz;
        F off = cx * cx + cy * cy + cz * cz - along * along;
        return open & (off <= splat(radius * radius * 1.00001f)) & (along > splat(-radius)) &
               (along - splat(radius) < reach);
    };
    bool done = false;
    for (int part = 0; part < 2 && !done; ++part) {
        for (int cluster = begins[part]; cluster < ends[part] && !done; ++cluster) {
            if (!any(near_ball((const float*)(cluster_bounds.data + cluster)))) continue;
            const int last = cluster_first.data[cluster + 1];
            for (int inst = cluster_first.data[cluster]; inst < last; ++inst) {
                if (!inst_shadow.data[inst]) continue;
                M touch = near_ball((const float*)(bounds.data + inst));
                if (!any(touch)) continue;
                const float* m = (const float*)(world_to_local.data + inst);
                F lx = m[0] * ox + m[1] * oy + m[2] * oz + m[9];
                F ly = m[3] * ox + m[4] * oy + m[5] * oz + m[10];
                F lz = m[6] * ox + m[7] * oy + m[8] * oz + m[11];
                F ux = m[0] * dx + m[1] * dy + m[2] * dz;
                F uy = m[3] * dx + m[4] * dy + m[5] * dz;
                F uz = m[6] * dx + m[7] * dy + m[8] * dz;
                const float* g = geometry.data + inst_geometry.data[inst] * GEOM;
                const int kind = as_int(g[0]);
                // A shadow does not depend on the side the light sees.
                if (kind != MESH) {
                    if (inst_shadow.data[inst] == 2 && !solid_at(inst, -1, 0.0f, 0.0f)) continue;
                    F t = hit_convex(kind, g + 4, true, lx, ly, lz, ux, uy, uz, splat(0.0f), reach);
                    open = open & ((t >= reach) | (touch == 0));
                } else {
                    F enter;
                    M in = touch & meets_box(g, lx, ly, lz, ux, uy, uz, splat(0.0f), reach, enter);
                    if (any(in)) {
                        const float* nodes = bvh_nodes.data + (long long)as_int(g[1]) * (7 * WIDTH);
                        const float* leaves = bvh_leaves.data + (long long)as_int(g[2]) * LEAF;
                        for (int i = 0; i < LANES; ++i) {
                            if (!OVRTX_LANE(in, i)) continue;
                            // A cut-out is asked at each of its surfaces in turn, up to 16 of them.
                            const bool cut = inst_shadow.data[inst] == 2;
                            float from = 0.0f, u, v;
                            int prim;
                            for (int step = 0; step < (cut ? 16 : 1); ++step) {
                                float t = OVRTX_LANE(reach, i);
                                if (!hit_mesh(nodes, leaves, true, !cut, OVRTX_LANE(lx, i), OVRTX_LANE(ly, i),
                                              OVRTX_LANE(lz, i), OVRTX_LANE(ux, i), OVRTX_LANE(uy, i), OVRTX_LANE(uz, i),
                                              OVRTX_LANE(enter, i), from, t, prim, u, v))
                                    break;
                                if (!cut || solid_at(inst, prim, u, v)) {
                                    OVRTX_LANE(open, i) = 0;
                                    break;
                                }
                                from = t * 1.00001f + 1.0e-6f;
                            }
                        }
                    }
                }
                if (!any(open)) { done = true; break; }
            }
        }
    }
    for (int i = 0; i < LANES && x0 + i < width; ++i)
        if (OVRTX_LANE(open, i)) amount.data[(p + i) * channels + channel] += weight;
    }
