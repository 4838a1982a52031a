// Binned SAH build of one wide BVH (Wald 2007, "On fast construction of SAH-based bounding volume hierarchies"),
// straight into nodes of WIDTH children: the child with the largest area is split until the node is full.
// Runs on the CPU, one mesh a call. Writes counts = {nodes, leaves, overflow}.
constexpr int BINS = 16;
constexpr int LEAF = 40;
constexpr float INF = 3.0e38f;
struct Box {
    float lo[3], hi[3];
    void clear() { for (int k = 0; k < 3; ++k) { lo[k] = INF; hi[k] = -INF; } }
    void add(const float* b) {
        for (int k = 0; k < 3; ++k) { lo[k] = lo[k] < b[k] ? lo[k] : b[k]; hi[k] = hi[k] > b[3 + k] ? hi[k] : b[3 + k]; }
    }
    void add(const Box& b) {
        for (int k = 0; k < 3; ++k) { lo[k] = lo[k] < b.lo[k] ? lo[k] : b.lo[k]; hi[k] = hi[k] > b.hi[k] ? hi[k] : b.hi[k]; }
    }
    float area() const {
        float x = hi[0] - lo[0], y = hi[1] - lo[1], z = hi[2] - lo[2];
        return x < 0.0f ? 0.0f : x * y + y * z + z * x;
    }
};
struct Range { int begin, end; Box box; };
struct Task { int begin, end, node, depth; };
const float* bounds = tri_bounds.data;  // (T, 6)
int* index = permutation.data;          // (K,) triangles to build over
auto float_bits = [](int i) { union { float f; int i; } bits; bits.i = i; return bits.f; };
auto middle = [&](int tri, int axis) { return bounds[tri * 6 + axis] + bounds[tri * 6 + 3 + axis]; };

// Split a range in two; returns the first index of the right half.
auto split = [&](const Range& r, int depth) {
    Box c; c.clear();
    for (int i = r.begin; i < r.end; ++i)
        for (int k = 0; k < 3; ++k) {
            float m = middle(index[i], k);
            c.lo[k] = c.lo[k] < m ? c.lo[k] : m;
            c.hi[k] = c.hi[k] > m ? c.hi[k] : m;
        }
    int best_axis = -1, best_bin = 0;
    float best = INF;
    for (int axis = 0; axis < 3 && depth < MAX_SAH_DEPTH; ++axis) {
        float extent = c.hi[axis] - c.lo[axis];
        if (!(extent > 0.0f)) continue;
        float scale = BINS * 0.9999f / extent;
        Box bin[BINS]; int number[BINS];
#pragma clang loop unroll(disable)
        for (int b = 0; b < BINS; ++b) { bin[b].clear(); number[b] = 0; }
        for (int i = r.begin; i < r.end; ++i) {
            int b = (int)((middle(index[i], axis) - c.lo[axis]) * scale);
            bin[b].add(bounds + index[i] * 6); ++number[b];
        }
        float right[BINS]; int right_n[BINS];
        Box acc; acc.clear(); int count_n = 0;
#pragma clang loop unroll(disable)
        for (int b = BINS - 1; b > 0; --b) { acc.add(bin[b]); count_n += number[b]; right[b] = acc.area(); right_n[b] = count_n; }
        acc.clear(); count_n = 0;
#pragma clang loop unroll(disable)
        for (int b = 1; b < BINS; ++b) {
            acc.add(bin[b - 1]); count_n += number[b - 1];
            if (count_n == 0 || right_n[b] == 0) continue;
            // Leaves are tested four triangles at a time, so cost goes by started fours.
            float cost = acc.area() * ((count_n + 3) / 4) + right[b] * ((right_n[b] + 3) / 4);
            if (cost < best) { best = cost; best_axis = axis; best_bin = b; }
        }
    }
    int mid = r.begin;
    if (best_axis >= 0) {
        float scale = BINS * 0.9999f / (c.hi[best_axis] - c.lo[best_axis]);
        int j = r.end;
        while (mid < j) {
            int b = (int)((middle(index[mid], best_axis) - c.lo[best_axis]) * scale);
            if (b < best_bin) { ++mid; } else { --j; int s = index[mid]; index[mid] = index[j]; index[j] = s; }
        }
    }
    // Coincident centroids, or too deep for the traversal stack: halve the range as it stands.
    if (mid == r.begin || mid == r.end) mid = (r.begin + r.end) / 2;
    return mid;
};

const int max_nodes = node_capacity, max_leaves = leaf_capacity;
int num_nodes = 1, num_leaves = 0;
bool overflow = false;
Task tasks[512];
int top = 0;
tasks[top++] = {0, num_triangles, 0, 0};
while (top > 0 && !overflow) {
    Task task = tasks[--top];
    Range child[WIDTH];
    int n = 1;
    child[0].begin = task.begin; child[0].end = task.end;
    child[0].box.clear();
    for (int i = task.begin; i < task.end; ++i) child[0].box.add(bounds + index[i] * 6);
    while (n < WIDTH) {
        int pick = -1; float largest = -1.0f;
        for (int i = 0; i < n; ++i) {
            int number = child[i].end - child[i].begin;
            float size = task.depth < MAX_SAH_DEPTH ? child[i].box.area() : (float)number;
            if (number > 4 && size > largest) { largest = size; pick = i; }
        }
        if (pick < 0) break;
        Range whole = child[pick];
        int mid = split(whole, task.depth);
        Range halves[2] = {{whole.begin, mid, {}}, {mid, whole.end, {}}};
        for (int h = 0; h < 2; ++h) {
            halves[h].box.clear();
            for (int i = halves[h].begin; i < halves[h].end; ++i) halves[h].box.add(bounds + index[i] * 6);
        }
        child[pick] = halves[0];
        child[n++] = halves[1];
    }
    float* node = nodes.data + (long long)task.node * (7 * WIDTH);
#pragma clang loop unroll(disable)
    for (int i = 0; i < WIDTH; ++i) {
        bool used = i < n && child[i].end > child[i].begin;
        for (int k = 0; k < 3; ++k) {
            node[(2 * k) * WIDTH + i] = used ? child[i].box.lo[k] : INF;
            node[(2 * k + 1) * WIDTH + i] = used ? child[i].box.hi[k] : -INF;
        }
        int link = 0;
        if (used && child[i].end - child[i].begin <= 4) {
            if (num_leaves >= max_leaves) { overflow = true; break; }
            link = ~num_leaves;
            float* l = leaves.data + (long long)num_leaves++ * LEAF;
#pragma clang loop unroll(disable)
            for (int k = 0; k < LEAF; ++k) l[k] = 0.0f;
            for (int j = child[i].begin; j < child[i].end; ++j) {
                int lane = j - child[i].begin, tri = index[j];
                const float* a = points.data + 3 * triangles.data[3 * tri];
                const float* b = points.data + 3 * triangles.data[3 * tri + 1];
                const float* c = points.data + 3 * triangles.data[3 * tri + 2];
                for (int k = 0; k < 3; ++k) {
                    l[k * 4 + lane] = a[k];
                    l[12 + k * 4 + lane] = b[k] - a[k];
                    l[24 + k * 4 + lane] = c[k] - a[k];
                }
                l[36 + lane] = float_bits(tri);
            }
        } else if (used) {
            if (num_nodes >= max_nodes || top >= 512) { overflow = true; break; }
            link = num_nodes++;
            tasks[top++] = {child[i].begin, child[i].end, link, task.depth + 1};
        }
        node[6 * WIDTH + i] = float_bits(link);
    }
}
counts.data[0] = num_nodes;
counts.data[1] = num_leaves;
counts.data[2] = overflow ? 1 : 0;
