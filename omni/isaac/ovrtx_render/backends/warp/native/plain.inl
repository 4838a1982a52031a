// Colours of the plain pixels of a tile, eight at a time: those that see nothing, or an opaque, diffuse surface of one
// colour under a sky of one colour and lights that are far away. Follows lanes.inl and surface.inl.
//
// Returns a bit for each pixel that is done, row by row; the others are left to the general kernel. This does what that
// does, to the last bit: every sum has the order that it has there.
#if defined(__CUDA_ARCH__)
return 0;  // a thread draws one pixel there
#else
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
        const int i = inst[first_lane(left)];
        const M mine = left & (inst == i);
        left = left & ~mine;
        const auto& material = scene.materials.data[scene.inst_material.data[i]];
        if (material.num_textures > 0 || material.use_vertex_color) continue;
        const M prim = *(const Mu*)(hits.prim.data + p);
        V normal = flat_normal(shapes, scene.attributes, i, prim, mine, position);
        normal = either(dot(normal, view) < splat(0.0f), minus(normal), normal);
        const auto& base = scene.attributes.base.data[shapes.inst_geometry.data[i]];
        if (prim[first_lane(mine)] >= 0 && base[1] >= 0) {
            const F bu = *(const Fu*)(hits.u.data + p), bv = *(const Fu*)(hits.v.data + p);
            const Corners of = corners((const float*)scene.attributes.normals.data, base[1], prim, mine);
            V n = add(add(scaled(of.a, 1.0f - bu - bv), scaled(of.b, bu)), scaled(of.c, bv));
            n = turned_back((const float*)(shapes.world_to_local.data + i), n);
            const F size = vsqrt(dot(n, n));
            n = over(n, size);
            n = either(dot(n, normal) < splat(0.0f), minus(n), n);
            normal = either(size > splat(1.0e-20f), n, normal);
        }
        const F facing = dot(normal, view);
        const M grazing = facing < splat(0.01f);
        if (any(mine & grazing))
            normal = either(grazing, unit(add(normal, scaled(view, splat(0.01f) - facing))), normal);

        const V base_color = splat3((const float*)&material.base_color);
        V result = base_color;
        if (!material.unlit) {
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
            glow = add(glow, splat3((const float*)&material.emissive));
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
            result = scaled(glow, splat(options.exposure));
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
