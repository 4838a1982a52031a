// Points and normals of what eight pixels see, on the CPU. Follows lanes.inl.
//
// This does what surface.py does, to the last bit: every sum has the order that it has there.
#if !defined(__CUDA_ARCH__)
struct V { F x, y, z; };
auto splat3 = [](const float* v) { return V{v[0], v[1], v[2]}; };
auto add = [](V a, V b) { return V{a.x + b.x, a.y + b.y, a.z + b.z}; };
auto sub = [](V a, V b) { return V{a.x - b.x, a.y - b.y, a.z - b.z}; };
auto mul = [](V a, V b) { return V{a.x * b.x, a.y * b.y, a.z * b.z}; };
auto scaled = [](V a, F s) { return V{a.x * s, a.y * s, a.z * s}; };
auto over = [](V a, F s) { return V{a.x / s, a.y / s, a.z / s}; };
auto minus = [](V a) { return V{-a.x, -a.y, -a.z}; };
auto dot = [](V a, V b) { return a.x * b.x + a.y * b.y + a.z * b.z; };
auto either = [](M m, V a, V b) { return V{m ? a.x : b.x, m ? a.y : b.y, m ? a.z : b.z}; };
auto unit = [&](V a) {
    F size = vsqrt(dot(a, a));
    return either(size > splat(0.0f), over(a, size), V{splat(0.0f), splat(0.0f), splat(0.0f)});
};
auto turned = [](const float* m, V v) {
    return V{m[0] * v.x + m[1] * v.y + m[2] * v.z, m[3] * v.x + m[4] * v.y + m[5] * v.z,
             m[6] * v.x + m[7] * v.y + m[8] * v.z};
};
auto turned_back = [](const float* m, V v) {
    return V{m[0] * v.x + m[3] * v.y + m[6] * v.z, m[1] * v.x + m[4] * v.y + m[7] * v.z,
             m[2] * v.x + m[5] * v.y + m[8] * v.z};
};
auto sign = [&](F a) { return a < splat(0.0f) ? splat(-1.0f) : splat(1.0f); };
auto clamped = [&](F a, float lo, float hi) { return vmin(vmax(a, splat(lo)), splat(hi)); };

// Outward normal of an analytic shape at points of its surface, not normalised; see analytic_normal.
enum { MESH, PLANE, CUBE, SPHERE, CYLINDER, CONE, CAPSULE };
auto analytic = [&](int kind, const float* q, V p) {
    const F none = splat(0.0f);
    if (kind == CUBE) {
        const F x = p.x / q[0], y = p.y / q[1], z = p.z / q[2];
        const F ax = vabs(x), ay = vabs(y), az = vabs(z);
        const M is_x = (ax >= ay) & (ax >= az), is_y = ay >= az;
        return either(is_x, V{sign(x), none, none}, either(is_y, V{none, sign(y), none}, V{none, none, sign(z)}));
    }
    if (kind == SPHERE) return p;
    if (kind == CAPSULE) return V{p.x, p.y, p.z - clamped(p.z, -q[1], q[1])};
    const F radial = vsqrt(p.x * p.x + p.y * p.y);
    if (kind == CYLINDER)
        return either(vabs(vabs(p.z) - q[1]) < vabs(radial - q[0]), V{none, none, sign(p.z)}, V{p.x, p.y, none});
    if (kind == CONE) {
        const float slope = q[0] / (2.0f * q[1]);
        return either(vabs(p.z + q[1]) < vabs(radial - slope * (q[1] - p.z)), V{none, none, splat(-1.0f)},
                      V{p.x, p.y, radial * slope});
    }
    return V{none, none, splat(1.0f)};
};

// Corners of the triangles `prim` of a mesh that starts at a row of an attribute, for the lanes that are `mine`.
struct Corners { V a, b, c; };
auto corners = [&](const float* rows, int first, M prim, M mine) __attribute__((always_inline)) {
    const V none = {splat(0.0f), splat(0.0f), splat(0.0f)};
    Corners out = {none, none, none};
    for (int k = 0; k < LANES; ++k) {
        if (!mine[k]) continue;
        const float* row = rows + 9LL * (first + prim[k]);
        out.a.x[k] = row[0], out.a.y[k] = row[1], out.a.z[k] = row[2];
        out.b.x[k] = row[3], out.b.y[k] = row[4], out.b.z[k] = row[5];
        out.c.x[k] = row[6], out.c.y[k] = row[7], out.c.z[k] = row[8];
    }
    return out;
};

// Unit world normal of the surface itself, outward; see geometric_normal.
auto flat_normal = [&](const auto& shapes, const auto& mesh, int inst, M prim, M mine, V position) __attribute__((always_inline)) {
    const float* back = (const float*)(shapes.world_to_local.data + inst);
    const int geometry = shapes.inst_geometry.data[inst];
    const float* g = shapes.geometry.data + geometry * 16;
    if (as_int(g[0]) != MESH) {
        const float* at = (const float*)(shapes.local_to_world.data + inst) + 9;
        return unit(turned_back(back, analytic(as_int(g[0]), g + 4, turned(back, sub(position, splat3(at))))));
    }
    const Corners of = corners((const float*)mesh.points.data, mesh.base.data[geometry][0], prim, mine);
    const V u = sub(of.b, of.a), v = sub(of.c, of.a);
    const V n = {u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x};
    return unit(turned_back(back, over(n, vmax(vsqrt(dot(n, n)), splat(1.0e-30f)))));
};
auto first_lane = [](M m) { return __builtin_ctz(__builtin_bit_cast(unsigned char, __builtin_convertvector(m, B))); };
#endif
