// Ray / shape intersection, shared by every tracing function; follows lanes.inl.
//
// Geometry record (GEOM floats): kind, first node, first leaf, -, params[3], -, lower[3], -, upper[3], -
// Node of width W (7 W floats): lower x, upper x, lower y, upper y, lower z, upper z, child; each W long.
//     child >= 0 is a node, child < 0 the leaf ~child; both relative to the first of the mesh. Unused: lower > upper.
// Leaf (40 floats): v0 x y z, e1 x y z, e2 x y z of 4 triangles, each 4 long, then 4 triangle indices.
constexpr int GEOM = 16;
constexpr int LEAF = 40;
constexpr float INF = 3.0e38f;
constexpr int MISS = 0x7fffffff, DONE = 0x7fffffff;
enum { MESH, PLANE, CUBE, SPHERE, CYLINDER, CONE, CAPSULE };

// Parameter interval in which a ray is between the planes +-h of one axis.
auto slab = [&](F o, F d, float lo, float hi, F& t0, F& t1) {
    F inv = quotient(splat(1.0f), safe(d));
    F a = (splat(lo) - o) * inv, b = (splat(hi) - o) * inv;
    t0 = vmax(t0, vmin(a, b));
    t1 = vmin(t1, vmax(a, b));
};

// Interval in which a quadratic a t^2 + ... is <= 0, from its middle and its value c there; empty if c > 0. The value
// at the middle is taken from the point itself (Hearn & Baker), which keeps float32 exact enough for far rays.
auto quadratic = [&](F a, F middle, F c, F& t0, F& t1) {
    F half = vsqrt(quotient(vmax(-c, splat(0.0f)), a));
    t0 = sel(c <= splat(0.0f), middle - half, splat(INF));
    t1 = sel(c <= splat(0.0f), middle + half, splat(-INF));
};

auto ball = [&](F ox, F oy, F oz, F dx, F dy, F dz, float r, F& t0, F& t1) {
    F a = dx * dx + dy * dy + dz * dz;
    F m = quotient(-(ox * dx + oy * dy + oz * dz), a);
    F px = ox + m * dx, py = oy + m * dy, pz = oz + m * dz;
    quadratic(a, m, px * px + py * py + pz * pz - splat(r * r), t0, t1);
};

auto tube = [&](F ox, F oy, F dx, F dy, float r, F& t0, F& t1) {
    F a = vmax(dx * dx + dy * dy, splat(1.0e-30f));
    F m = quotient(-(ox * dx + oy * dy), a);
    F px = ox + m * dx, py = oy + m * dy;
    quadratic(a, m, px * px + py * py - splat(r * r), t0, t1);
};

// First hit of a convex analytic shape in (tmin, tmax): where the ray enters, or leaves if both sides are seen.
// Every shape is an intersection or a hull of intervals along the ray, so there is no branch a lane could miss.
auto hit_convex = [&](int kind, Four q, bool two_sided, F ox, F oy, F oz, F dx, F dy, F dz, F tmin, F tmax) {
    F t0 = splat(-INF), t1 = splat(INF);
    if (kind == PLANE) {
        F t = quotient(-oz, safe(dz));
        F x = ox + t * dx, y = oy + t * dy;
        M ok = (vabs(x) <= splat(q.x)) & (vabs(y) <= splat(q.y)) & (t > tmin) & (t < tmax);
        if (!two_sided) ok = ok & (dz < splat(0.0f));
        return sel(ok, t, splat(INF));
    }
    if (kind == CUBE) {
        slab(ox, dx, -q.x, q.x, t0, t1);
        slab(oy, dy, -q.y, q.y, t0, t1);
        slab(oz, dz, -q.z, q.z, t0, t1);
    } else if (kind == SPHERE) {
        ball(ox, oy, oz, dx, dy, dz, q.x, t0, t1);
    } else if (kind == CYLINDER) {
        tube(ox, oy, dx, dy, q.x, t0, t1);
        slab(oz, dz, -q.y, q.y, t0, t1);
    } else if (kind == CAPSULE) {
        F a0, a1, b0, b1;
        tube(ox, oy, dx, dy, q.x, t0, t1);
        slab(oz, dz, -q.y, q.y, t0, t1);
        ball(ox, oy, oz - splat(q.y), dx, dy, dz, q.x, a0, a1);
        ball(ox, oy, oz + splat(q.y), dx, dy, dz, q.x, b0, b1);
        M empty = t0 > t1;
        t0 = sel(empty, splat(INF), t0);
        t1 = sel(empty, splat(-INF), t1);
        t0 = vmin(t0, vmin(a0, b0));
        t1 = vmax(t1, vmax(a1, b1));
    } else if (kind == CONE) {
        float k = q.x / (2.0f * q.y);  // radius per height below the tip
        F z = splat(q.y) - oz;
        F a = dx * dx + dy * dy - splat(k * k) * dz * dz;
        a = sel(vabs(a) < splat(1.0e-20f), splat(1.0e-20f), a);
        F b = ox * dx + oy * dy + splat(k * k) * z * dz;
        F m = quotient(-b, a);
        F px = ox + m * dx, py = oy + m * dy, pz = splat(k) * (z - m * dz);
        F disc = -(px * px + py * py - pz * pz);
        F square = quotient(disc, a);
        F half = vsqrt(vmax(square, splat(0.0f)));
        M some = square >= splat(0.0f);
        // a > 0: between the roots; a < 0: beyond them, on the side that runs down into the drawn nappe.
        M flat = a > splat(0.0f);
        M down = dz < splat(0.0f);
        t0 = sel(flat, m - half, sel(down, m + half, splat(-INF)));
        t1 = sel(flat, m + half, sel(down, splat(INF), m - half));
        t0 = sel(some, t0, splat(INF));
        t1 = sel(some, t1, splat(-INF));
        slab(oz, dz, -q.y, q.y, t0, t1);
    }
    M hit = t0 <= t1;
    M enter = hit & (t0 > tmin) & (t0 < tmax);
    F t = sel(enter, t0, splat(INF));
    if (two_sided) {
        M leave = hit & (t0 <= tmin) & (t1 > tmin) & (t1 < tmax);
        t = sel(leave, t1, t);
    }
    return t;
};

// Which lanes can meet the bounding box at all before tmax, and where they enter it.
auto meets_box = [&](const float* g, F ox, F oy, F oz, F dx, F dy, F dz, F tmin, F tmax, F& t0) {
    F t1 = tmax;
    t0 = tmin;
    const Four lower = four(g + 8), upper = four(g + 12);
    slab(ox, dx, lower.x, upper.x, t0, t1);
    slab(oy, dy, lower.y, upper.y, t0, t1);
    slab(oz, dz, lower.z, upper.z, t0, t1);
    return t0 <= t1 * splat(1.000001f);
};

// One ray through the BVH of one mesh. The origin is first moved to where the ray enters the bounding box (at
// t = shift), so that float32 works at the scale of the mesh however far the camera is. Returns true if something nearer
// than t was hit (then t, prim, u, v are set); with `first` it stops at the first triangle found.
auto hit_mesh = [&](const float* nodes, const float* leaves, bool two_sided, bool first, float ox, float oy, float oz,
                    float dx, float dy, float dz, float shift, float tmin, float& t_far, int& prim, float& u,
                    float& v) {
    ox += shift * dx; oy += shift * dy; oz += shift * dz;
    tmin -= shift;
    float t = t_far - shift;
    auto safe1 = [](float d) { return (d < 1.0e-20f && d > -1.0e-20f) ? 1.0e-20f : d; };
    // Distances are rounded, and negative ones behind the shifted origin too: b gets its slack on either side of 0.
    const float ix = rcp(safe1(dx)), iy = rcp(safe1(dy)), iz = rcp(safe1(dz));
    const float ax = ox * ix, ay = oy * iy, az = oz * iz;
    const int nx = ix < 0.0f ? WIDTH : 0, ny = iy < 0.0f ? WIDTH : 0, nz = iz < 0.0f ? WIDTH : 0;
    int top = 0;
    bool found = false;
    // Push the children of a node that the ray meets; one that is to be visited next may be returned instead of 0.
#if defined(__CUDA_ARCH__)
    int2 stack[STACK];  // key: distance of the box, its last two bits replaced; and the link
    auto visit_node = [&](const float* n) {
        // A row of four is one 16-byte load; entry planes are picked by the signs of the ray.
        const float4* n4 = (const float4*)n;
        const float4 ex = n4[nx / 4], fx = n4[1 - nx / 4], ey = n4[2 + ny / 4], fy = n4[3 - ny / 4];
        const float4 ez = n4[4 + nz / 4], fz = n4[5 - nz / 4];
        auto key = [&](float x, float y, float z, float fx, float fy, float fz, int i) {
            const float a = fmaxf(fmaxf(x * ix - ax, y * iy - ay), fmaxf(z * iz - az, tmin));
            const float b = fminf(fminf(fx * ix - ax, fy * iy - ay), fminf(fz * iz - az, t));
            const bool meets = a <= fmaxf(b * 1.0000004f, b * 0.9999996f);
            return meets ? (__float_as_int(fmaxf(a, 0.0f)) & ~3) | i : MISS;
        };
        int k0 = key(ex.x, ey.x, ez.x, fx.x, fy.x, fz.x, 0), k1 = key(ex.y, ey.y, ez.y, fx.y, fy.y, fz.y, 1);
        int k2 = key(ex.z, ey.z, ez.z, fx.z, fy.z, fz.z, 2), k3 = key(ex.w, ey.w, ez.w, fx.w, fy.w, fz.w, 3);
        // Sort the four by distance (a network of five exchanges), go on with the nearest, push the others. Floats
        // that are not negative are ordered as their bits are; the two lowest say which child it is.
        auto exchange = [](int& a, int& b) { const int low = min(a, b); b = max(a, b); a = low; };
        exchange(k0, k1);
        exchange(k2, k3);
        exchange(k0, k2);
        exchange(k1, k3);
        exchange(k1, k2);
        auto link = [&](int key) { return as_int(n[6 * WIDTH + (key & 3)]); };
        if (k3 != MISS) stack[top++] = make_int2(k3, link(k3));
        if (k2 != MISS) stack[top++] = make_int2(k2, link(k2));
        if (k1 != MISS) stack[top++] = make_int2(k1, link(k1));
        return k0 != MISS ? link(k0) : 0;
    };
    auto pop = [&]() {
        while (top > 0) {
            const int2 next = stack[--top];
            if (__int_as_float(next.x & ~3) <= t) return next.y;
        }
        return DONE;
    };
#else
    int stack[STACK];
    float near[STACK];
    auto visit_node = [&](const float* n) {
        F a = vmax(vmax(*(const Fu*)(n + nx) * ix - ax, *(const Fu*)(n + 2 * WIDTH + ny) * iy - ay),
                   vmax(*(const Fu*)(n + 4 * WIDTH + nz) * iz - az, splat(tmin)));
        F b = vmin(vmin(*(const Fu*)(n + WIDTH - nx) * ix - ax, *(const Fu*)(n + 3 * WIDTH - ny) * iy - ay),
                   vmin(*(const Fu*)(n + 5 * WIDTH - nz) * iz - az, splat(t)));
        F dist = a;
        int bits = __builtin_bit_cast(unsigned char, __builtin_convertvector(a <= vmax(b * 1.0000004f, b * 0.9999996f), B));
        if (bits) {
            // Push the hit children in order of distance, nearest last, by insertion (any order will do for `first`).
            int base = top;
            while (bits) {
                int i = __builtin_ctz(bits);
                float d = dist[i];
                bits &= bits - 1;
                int c = as_int(n[6 * WIDTH + i]);
                const float* next = c >= 0 ? nodes + c * (7 * WIDTH) : leaves + (~c) * LEAF;
                __builtin_prefetch(next);
                __builtin_prefetch(next + 24);
                int at = top++;
                while (!first && at > base && near[at - 1] < d) {
                    near[at] = near[at - 1];
                    stack[at] = stack[at - 1];
                    --at;
                }
                near[at] = d;
                stack[at] = c;
            }
        }
        return 0;
    };
    auto pop = [&]() {
        while (top > 0)
            if (near[--top] <= t) return stack[top];
        return DONE;
    };
#endif
    auto visit_leaf = [&](const float* l) {
#if defined(__CUDA_ARCH__)
        auto triangle = [&](float v0x, float v0y, float v0z, float e1x, float e1y, float e1z, float e2x, float e2y,
                            float e2z, float id) {
            float px = dy * e2z - dz * e2y, py = dz * e2x - dx * e2z, pz = dx * e2y - dy * e2x;
            float det = e1x * px + e1y * py + e1z * pz;
            if (two_sided ? det == 0.0f : det <= 0.0f) return;
            float inv = rcp(det);
            float sx = ox - v0x, sy = oy - v0y, sz = oz - v0z;
            float uu = (sx * px + sy * py + sz * pz) * inv;
            float qx = sy * e1z - sz * e1y, qy = sz * e1x - sx * e1z, qz = sx * e1y - sy * e1x;
            float vv = (dx * qx + dy * qy + dz * qz) * inv;
            float tt = (e2x * qx + e2y * qy + e2z * qz) * inv;
            if (uu >= -EDGE && vv >= -EDGE && uu + vv <= 1.0f + EDGE && tt > tmin && tt < t) {
                t = tt; u = uu; v = vv; prim = as_int(id);
                found = true;
            }
        };
#pragma unroll 1
        for (int half = 0; half < 2; ++half) {
            // Two of the four at a time: all at once would take 40 registers.
            const float2* l2 = (const float2*)l + half;
            const float2 vx = l2[0], vy = l2[2], vz = l2[4], ax2 = l2[6], ay2 = l2[8], az2 = l2[10];
            const float2 bx2 = l2[12], by2 = l2[14], bz2 = l2[16], ids = l2[18];
            triangle(vx.x, vy.x, vz.x, ax2.x, ay2.x, az2.x, bx2.x, by2.x, bz2.x, ids.x);
            triangle(vx.y, vy.y, vz.y, ax2.y, ay2.y, az2.y, bx2.y, by2.y, bz2.y, ids.y);
        }
#else
        F4 e1x = *(const F4u*)(l + 12), e1y = *(const F4u*)(l + 16), e1z = *(const F4u*)(l + 20);
        F4 e2x = *(const F4u*)(l + 24), e2y = *(const F4u*)(l + 28), e2z = *(const F4u*)(l + 32);
        F4 px = dy * e2z - dz * e2y, py = dz * e2x - dx * e2z, pz = dx * e2y - dy * e2x;
        F4 det = e1x * px + e1y * py + e1z * pz;
        M4 ok = two_sided ? (det != 0.0f) : (det > 0.0f);
        F4 inv = 1.0f / det;
        F4 sx = ox - *(const F4u*)(l), sy = oy - *(const F4u*)(l + 4), sz = oz - *(const F4u*)(l + 8);
        F4 uu = (sx * px + sy * py + sz * pz) * inv;
        F4 qx = sy * e1z - sz * e1y, qy = sz * e1x - sx * e1z, qz = sx * e1y - sy * e1x;
        F4 vv = (dx * qx + dy * qy + dz * qz) * inv;
        F4 tt = (e2x * qx + e2y * qy + e2z * qz) * inv;
        ok = ok & (uu >= -EDGE) & (vv >= -EDGE) & (uu + vv <= 1.0f + EDGE) & (tt > tmin) & (tt < t);
        if (__builtin_reduce_or(ok)) {
            for (int i = 0; i < 4; ++i) {
                if (ok[i] && tt[i] < t) {
                    t = tt[i]; u = uu[i]; v = vv[i]; prim = as_int(l[36 + i]);
                }
            }
            found = true;
        }
#endif
    };
    // All lanes of a warp go down to a leaf before any of them tests its triangles (Aila and Laine, "Understanding the
    // Efficiency of Ray Traversal on GPUs", 2009).
    for (int child = 0; child != DONE; child = pop()) {
        while (child >= 0 && child != DONE) {
            const int next = visit_node(nodes + child * (7 * WIDTH));
            child = next != 0 ? next : pop();
        }
        if (child == DONE) break;
        visit_leaf(leaves + (~child) * LEAF);
        if (found && first) return true;
    }
    if (found) t_far = t + shift;
    return found;
};
