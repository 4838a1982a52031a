// Groups of lanes, the head of every native text that traces or shades. This text is the head of a Warp native function
// body, so it may hold types, constants and lambdas, but no functions.
//
// One source serves both devices: on the CPU a lane group is a row of 8 pixels in one SIMD register, on CUDA a thread
// is one lane. F is a group of floats, M a group of truth values.
#if defined(__CUDA_ARCH__)
typedef float F;
typedef int M;
constexpr int LANES = 1;
#define OVRTX_LANE(v, i) (v)
#else
typedef float F __attribute__((ext_vector_type(8)));
typedef int M __attribute__((ext_vector_type(8)));
typedef bool B __attribute__((ext_vector_type(8)));
typedef float Fu __attribute__((ext_vector_type(8), aligned(4)));
typedef int Mu __attribute__((ext_vector_type(8), aligned(4)));
typedef float F4 __attribute__((ext_vector_type(4)));
typedef int M4 __attribute__((ext_vector_type(4)));
typedef float F4u __attribute__((ext_vector_type(4), aligned(4)));
constexpr int LANES = 8;
#define OVRTX_LANE(v, i) ((v)[i])
#endif
auto as_int = [](float x) { union { float f; int i; } bits; bits.f = x; return bits.i; };
auto sel = [](auto m, auto a, auto b) { return m ? a : b; };
#if defined(__CUDA_ARCH__)
auto vmin = [](float a, float b) { return fminf(a, b); };
auto vmax = [](float a, float b) { return fmaxf(a, b); };
auto any = [](M m) { return m != 0; };
#else
auto vmin = [](auto a, auto b) { return a < b ? a : b; };
auto vmax = [](auto a, auto b) { return a > b ? a : b; };
auto any = [](M m) { return __builtin_bit_cast(unsigned char, __builtin_convertvector(m, B)) != 0; };
#endif
// On CUDA a last bit more or less is the same picture, and a fifth of the instructions of an exact division or root.
#if defined(__CUDA_ARCH__)
auto quotient = [](F a, F b) { F q; asm("div.approx.ftz.f32 %0, %1, %2;" : "=f"(q) : "f"(a), "f"(b)); return q; };
auto rcp = [](float x) { float r; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; };
auto vsqrt = [](F a) { F root; asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(root) : "f"(a)); return root; };
#else
auto quotient = [](F a, F b) { return a / b; };
auto rcp = [](float x) { return 1.0f / x; };
auto vsqrt = [](F a) { for (int i = 0; i < LANES; ++i) a[i] = __builtin_sqrtf(a[i]); return a; };
#endif
// Four floats that lie on 16 bytes: one load on CUDA, whose compiler cannot know it.
struct Four { float x, y, z, w; };
auto four = [](const float* p) {
#if defined(__CUDA_ARCH__)
    const float4 v = *(const float4*)p;
    return Four{v.x, v.y, v.z, v.w};
#else
    return Four{p[0], p[1], p[2], p[3]};
#endif
};
auto splat = [](float x) { F v = x; return v; };
auto vabs = [&](F a) { return vmax(a, -a); };
auto safe = [&](F d) { return sel(vabs(d) < splat(1.0e-20f), splat(1.0e-20f), d); };
