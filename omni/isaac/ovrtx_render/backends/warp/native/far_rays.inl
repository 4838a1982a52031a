// Rays of a tile to lights that are far away, eight at a time. Follows lanes.inl and surface.inl. Returns a bit for each
// pixel that is done, row by row; those that see another light are left.
#if defined(__CUDA_ARCH__)
return 0;  // a thread makes one ray there
#else
if (x0 + LANES > width || camera.orthographic) return 0;
const V eye = splat3((const float*)&camera.position);
const int shared = light_begin.data[1];
F xs;
for (int i = 0; i < LANES; ++i) xs[i] = (float)(x0 + i) + jitter[0];
long long done = 0;
for (int r = 0; r < ROWS; ++r) {
    const int y = y0 + r;
    if (y >= height) {
        done |= 0xffLL << (8 * r);
        continue;
    }
    const long long p = ((long long)local * height + y) * width + x0;
    const M inst = *(const Mu*)(hits.instance.data + p), prim = *(const Mu*)(hits.prim.data + p);
    const F t = *(const Fu*)(hits.t.data + p);
    const F v = splat(((float)y + jitter[1] - camera.cy) / camera.fy);
    const F u = (xs - camera.cx - camera.skew * v) / camera.fx;
    const V ray = turned((const float*)&camera.rotation, V{u, -v, splat(-1.0f)});
    const V position = add(eye, scaled(ray, t));
    M made = inst < 0;
    V start = {splat(0.0f), splat(0.0f), splat(0.0f)}, toward = {splat(0.0f), splat(0.0f), splat(1.0f)};
    F reach = splat(0.0f);
    for (M left = inst >= 0; any(left);) {
        const int i = inst[first_lane(left)];
        const M mine = left & (inst == i);
        left = left & ~mine;
        int lit_by = camera.env, which = channel;
        if (lit_by < 0 || shapes.see_all) lit_by = shapes.inst_env.data[i] >= 0 ? shapes.inst_env.data[i] : camera.env;
        if (channel >= shared) {
            which = lit_by < 0 ? -1 : light_begin.data[lit_by + 1] + channel - shared;
            if (which >= 0 && which >= light_begin.data[lit_by + 2]) which = -1;
        }
        if (which < 0 || !lights.data[which].shadows) {
            made = made | mine;
            continue;
        }
        if (lights.data[which].kind != DISTANT_LIGHT) continue;
        const float* frame = (const float*)&lights.data[which].rotation;
        const V to = {splat(frame[2]), splat(frame[5]), splat(frame[8])};
        V normal = flat_normal(shapes, attributes, i, prim, mine, position);
        normal = either(dot(normal, ray) > splat(0.0f), minus(normal), normal);
        const V away = sub(position, eye);
        V lifted = add(position, scaled(normal, 1.0e-4f * vsqrt(dot(away, away)) + 1.0e-5f));
        const F cosine = dot(normal, to);
        M lit = mine & (cosine > splat(0.0f));
        // Near the terminator of a smooth surface rays start at the curved surface; see smooth_offset.
        const auto& base = attributes.base.data[shapes.inst_geometry.data[i]];
        const M edge = mine & (cosine < splat(0.25f)) & (cosine > splat(-0.7f));
        if (prim[first_lane(mine)] >= 0 && base[1] >= 0 && any(edge)) {
            const F bu = *(const Fu*)(hits.u.data + p), bv = *(const Fu*)(hits.v.data + p);
            const F share[3] = {1.0f - bu - bv, bu, bv};
            const Corners at = corners((const float*)attributes.points.data, base[0], prim, edge);
            const Corners n = corners((const float*)attributes.normals.data, base[1], prim, edge);
            const V middle = add(add(scaled(at.a, share[0]), scaled(at.b, share[1])), scaled(at.c, share[2]));
            V offset = {splat(0.0f), splat(0.0f), splat(0.0f)};
            for (int k = 0; k < 3; ++k) {
                V up = unit(turned_back((const float*)(shapes.world_to_local.data + i), k == 0 ? n.a : k == 1 ? n.b : n.c));
                up = either(dot(up, normal) < splat(0.0f), minus(up), up);
                const V from = turned((const float*)(shapes.local_to_world.data + i),
                                      sub(middle, k == 0 ? at.a : k == 1 ? at.b : at.c));
                offset = sub(offset, scaled(up, vmin(dot(from, up), splat(0.0f)) * share[k]));
            }
            lifted = either(edge, add(lifted, offset), lifted);
            lit = lit | edge;
        }
        start = either(lit, lifted, start);
        toward = either(lit, to, toward);
        reach = lit ? splat(1.0e30f) : reach;
        made = made | mine;
    }
    for (int k = 0; k < LANES; ++k) {
        if (!made[k]) continue;
        float* o = (float*)(origin.data + p + k);
        float* d = (float*)(direction.data + p + k);
        o[0] = start.x[k], o[1] = start.y[k], o[2] = start.z[k], o[3] = reach[k];
        d[0] = toward.x[k], d[1] = toward.y[k], d[2] = toward.z[k];
        if (clear) amount.data[(p + k) * channels + channel] = 0.0f;
    }
    done |= (long long)__builtin_bit_cast(unsigned char, __builtin_convertvector(made, B)) << (8 * r);
}
return done;
#endif
