// Depths of a tile, a row at a time. Follows lanes.inl. Returns whether they are written, and nothing else is asked for.
#if defined(__CUDA_ARCH__)
return 0;  // a thread writes one pixel there
#else
const bool more = out.distance.shape[0] > 0 || out.motion.shape[0] > 0 || out.semantic.shape[0] > 0 ||
                  out.instance.shape[0] > 0 || out.instance_id.shape[0] > 0;
if (more || x0 + LANES > width) return 0;
for (int y = y0; y < y0 + ROWS && y < height; ++y) {
    const long long p = ((long long)local * height + y) * width + x0, q = ((long long)index * height + y) * width + x0;
    const M inst = *(const Mu*)(hits.instance.data + p);
    *(Fu*)(out.depth.data + q) = inst >= 0 ? *(const Fu*)(hits.t.data + p) : splat(INFINITY);
}
return 1;
#endif
