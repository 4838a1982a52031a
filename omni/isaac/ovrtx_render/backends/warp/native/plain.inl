// Colours of the plain pixels of a tile, eight at a time: those that see nothing, or an opaque, diffuse surface of one
// colour under a sky of one colour and lights that are far away. Follows lanes.inl.
//
// Returns a bit for each pixel that is done, row by row; the others are left to the general kernel. This does what that
// does, to the last bit: every sum has the order it has there.
#if defined(__CUDA_ARCH__)
return 0;  // a thread draws one pixel there
#else
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

const int width = options.width, height = options.height;
if (x0 + LANES > width || camera.orthographic) return 0;
const float* rotation = (const float*)&camera.rotation;
const V eye = splat3((const float*)&camera.position);
const float* lobes = (const float*)(env.lobes.data + (env.lobes.shape[0] - 1) * env.lobes.shape[1] * env.lobes.shape[2]);
const float last = (float)(color_out.encode.shape[0] - 1);
V seen_by_misses = splat3((const float*)&options.background);
if (options.show_dome) seen_by_misses = scaled(splat3((const float*)env.radiance.data), splat(options.exposure));
seen_by_misses = scaled(seen_by_misses, splat(options.weight));
F xs;
for (int i = 0; i < LANES; ++i) xs[i] = (float)(x0 + i) + options.jitter[0];

long long done = 0;
for (int r = 0; r < ROWS; ++r) {
    const int y = y0 + r;
    if (y >= height) {
        done |= 0xffLL << (8 * r);
        continue;
    }
    const long long p = ((long long)local * height + y) * width + x0, q = ((long long)index * height + y) * width + x0;
    const M inst = *(const Mu*)(hits.instance.data + p);
    const F t = *(const Fu*)(hits.t.data + p);
    const M hit = inst >= 0;
    if (depth.shape[0] > 0) *(Fu*)(depth.data + q) = hit ? t : splat(INFINITY);
    V color = seen_by_misses;
    F cover = splat(0.0f);
    M drawn = hit == 0;

    const F v = splat(((float)y + options.jitter[1] - camera.cy) / camera.fy);
    const F u = (xs - camera.cx - camera.skew * v) / camera.fx;
    const V ray = turned(rotation, V{u, -v, splat(-1.0f)});
    const V view = over(minus(ray), vsqrt(dot(ray, ray)));
    const V position = add(eye, scaled(ray, t));
    // Neighbours mostly see the same instance: each is done once, for all who see it.
    for (M left = hit; any(left);) {
        const int i = inst[__builtin_ctz(__builtin_bit_cast(unsigned char, __builtin_convertvector(left, B)))];
        const M mine = left & (inst == i);
        left = left & ~mine;
        const auto& material = scene.materials.data[scene.inst_material.data[i]];
        if (material.num_textures > 0 || material.use_vertex_color) continue;
        const float* back = (const float*)(shapes.world_to_local.data + i);
        const int geometry = shapes.inst_geometry.data[i];
        const float* g = shapes.geometry.data + geometry * 16;
        const int kind = as_int(g[0]);
        V normal;
        if (kind == MESH) {
            const int* base = (const int*)(scene.attributes.base.data + geometry);
            const M prim = *(const Mu*)(hits.prim.data + p);
            V a, b, c;
            auto corners = [&](const float* rows, int first) {
                for (int k = 0; k < LANES; ++k) {
                    if (!mine[k]) continue;
                    const float* row = rows + 9LL * (first + prim[k]);
                    a.x[k] = row[0], a.y[k] = row[1], a.z[k] = row[2];
                    b.x[k] = row[3], b.y[k] = row[4], b.z[k] = row[5];
                    c.x[k] = row[6], c.y[k] = row[7], c.z[k] = row[8];
                }
            };
            a = b = c = V{splat(0.0f), splat(0.0f), splat(0.0f)};
            corners((const float*)scene.attributes.points.data, base[0]);
            b = sub(b, a), c = sub(c, a);
            V flat = V{b.y * c.z - b.z * c.y, b.z * c.x - b.x * c.z, b.x * c.y - b.y * c.x};
            flat = over(flat, vmax(vsqrt(dot(flat, flat)), splat(1.0e-30f)));
            flat = unit(turned_back(back, flat));
            flat = either(dot(flat, view) < splat(0.0f), minus(flat), flat);
            normal = flat;
            if (base[1] >= 0) {
                const F bu = *(const Fu*)(hits.u.data + p), bv = *(const Fu*)(hits.v.data + p);
                corners((const float*)scene.attributes.normals.data, base[1]);
                V n = add(add(scaled(a, 1.0f - bu - bv), scaled(b, bu)), scaled(c, bv));
                n = turned_back(back, n);
                const F size = vsqrt(dot(n, n));
                n = over(n, size);
                n = either(dot(n, flat) < splat(0.0f), minus(n), n);
                normal = either(size > splat(1.0e-20f), n, flat);
            }
        } else {
            const float* at = (const float*)(shapes.local_to_world.data + i) + 9;
            normal = unit(turned_back(back, analytic(kind, g + 4, turned(back, sub(position, splat3(at))))));
            normal = either(dot(normal, view) < splat(0.0f), minus(normal), normal);
        }
        const F facing = dot(normal, view);
        const M grazing = facing < splat(0.01f);
        if (any(mine & grazing))
            normal = either(grazing, unit(add(normal, scaled(view, splat(0.01f) - facing))), normal);

        const V base_color = splat3((const float*)&material.base_color);
        V result = scaled(splat3((const float*)&material.emissive), splat(options.exposure));
        if (material.unlit) {
            result = base_color;
        } else {
            V glow = V{splat(0.0f), splat(0.0f), splat(0.0f)};
            auto arrives = [&](int channel) {
                F out;
                for (int k = 0; k < LANES; ++k) out[k] = amount.data[(p + k) * options.channels + channel];
                return out;
            };
            if (sky) {
                F open = splat(material.occlusion);
                if (options.occlusion_channel >= 0) open = open * arrives(options.occlusion_channel);
                glow = scaled(mul(base_color, splat3(lobes)), open);
            }
            int lit_by = camera.env;
            if (lit_by < 0 || shapes.see_all) lit_by = shapes.inst_env.data[i] >= 0 ? shapes.inst_env.data[i] : camera.env;
            const int shared = light_begin.data[1];
            for (int channel = 0; channel < options.num_lights; ++channel) {
                int which = channel;
                if (channel >= shared) {
                    if (lit_by < 0) break;
                    which = light_begin.data[lit_by + 1] + channel - shared;
                    if (which >= light_begin.data[lit_by + 2]) break;
                }
                const auto& light = lights.data[which];
                const float* frame = (const float*)&light.rotation;
                const V to = light.kind == HEADLIGHT ? view : V{frame[2], frame[5], frame[8]};
                const F cosine = vmax(dot(normal, to), splat(0.0f));
                const V irradiance = scaled(splat3((const float*)&light.radiance), cosine);
                const V shine = scaled(mul(base_color, irradiance), splat(light.diffuse / 3.14159265358979f));
                F visible = splat(1.0f);
                if (options.shadowed && light.shadows) visible = arrives(channel);
                glow = either(visible > splat(0.0f), add(glow, scaled(shine, visible)), glow);
            }
            result = add(result, scaled(glow, splat(options.exposure)));
        }
        color = either(mine, scaled(result, splat(options.weight)), color);
        cover = mine ? splat(options.weight) : cover;
        drawn = drawn | mine;
    }
    const unsigned bits = __builtin_bit_cast(unsigned char, __builtin_convertvector(drawn, B));
    done |= (long long)bits << (8 * r);

    if (color_out.hdr.shape[0] > 0)
        for (int k = 0; k < LANES; ++k)
            if (drawn[k]) {
                float* to = (float*)(color_out.hdr.data + q + k);
                to[0] = color.x[k], to[1] = color.y[k], to[2] = color.z[k];
            }
    auto code = [&](F x) {
        if (color_out.tone_mapping) {
            const F c = clamped(x, 0.0f, 1.0e6f);
            x = c * (2.51f * c + 0.03f) / (c * (2.43f * c + 0.59f) + 0.14f);
        }
        return __builtin_convertvector(clamped(x, 0.0f, 1.0f) * last + 0.5f, M);
    };
    const M red = code(color.x), green = code(color.y), blue = code(color.z);
    const unsigned char* table = color_out.encode.data;
    if (color_out.rgb.shape[0] > 0) {
        unsigned char* to = color_out.rgb.data + 3 * q;
        for (int k = 0; k < LANES; ++k)
            if (bits >> k & 1)
                to[3 * k] = table[red[k]], to[3 * k + 1] = table[green[k]], to[3 * k + 2] = table[blue[k]];
    }
    if (color_out.rgba.shape[0] > 0) {
        const M alpha = __builtin_convertvector(clamped(cover, 0.0f, 1.0f) * 255.0f + 0.5f, M);
        for (int k = 0; k < LANES; ++k)
            if (bits >> k & 1)
                color_out.rgba.data[q + k] = table[red[k]] | table[green[k]] << 8 | table[blue[k]] << 16 |
                                             (unsigned)alpha[k] << 24;
    }
}
return done;
#endif
