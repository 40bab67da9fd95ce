/* CONV_2D of int8 for aarch64 with the dot products of Armv8.2. */
#include "kernel.h"

#ifdef EK_ARM64
#include <arm_neon.h>
#include <string.h>

#include "activation.h"
#include "conv_2d.h"
#include "fixed_point.h"
#include "float_bits.h"

#if defined(__ARM_FEATURE_DOTPROD)
#define TARGET /* the compiler may use them everywhere */
#elif defined(__clang__)
#define TARGET __attribute__((target("dotprod")))
#else
/* Tuned, because GCC's default order puts each load right before its use. */
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod,tune=cortex-a75")))
#endif
#define INLINE TARGET static inline __attribute__((always_inline))
#define KERNEL(name) ek_##name##_dotprod

enum { WIDTH = 16, COLUMN_BYTES = 4 * WIDTH }; /* of a packed block */
enum { LANES = 8, MANY = 6, FEW = 2, QUAD_BYTES = 64, ADDED = 0 };

typedef struct {
    int32x4_t low, high;
} Vector;

typedef int8x16_t Quad;

INLINE Quad quad_at(const uint8_t *window)
{
    int32_t four;
    memcpy(&four, window, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

INLINE Vector dot(Vector sum, Quad quad, const char *weights)
{
    const int8_t *numbers = (const int8_t *)weights;
    const Vector result = {vdotq_s32(sum.low, vld1q_s8(numbers), quad),
                           vdotq_s32(sum.high, vld1q_s8(numbers + 16), quad)};
    return result;
}

INLINE void copy(uint8_t *to, const int8_t *from, int32_t count)
{
    memcpy(to, from, (size_t)count);
}

INLINE void finish_twice(const Conv2D *p, Vector sums, const char *head, int32_t lanes,
                         int8_t *output)
{
    const int32_t zero_point = p->output_zero_point, lowest = p->lowest, highest = p->highest;
    const int32_t *const column = (const int32_t *)(const void *)head;
    const int32_t *multiplier = column + WIDTH, *left = column + 2 * WIDTH;
    const int32_t *right = column + 3 * WIDTH;
    int32_t totals[LANES];
    int8_t outputs[LANES];
    memcpy(totals, &sums, sizeof totals);
    /* ek_rescale_twice, without a branch. */
    for (int32_t lane = 0; lane < LANES; lane++) {
        const int32_t moved = (int32_t)((uint32_t)totals[lane] << left[lane]);
        const int64_t product = (int64_t)moved * multiplier[lane] + ((int64_t)1 << 30);
        const int32_t scaled = ek_rounding_shift((int32_t)(product >> 31), right[lane]);
        const uint32_t total = (uint32_t)scaled + (uint32_t)zero_point;
        outputs[lane] = (int8_t)ek_clamp((int32_t)total, lowest, highest);
    }
    memcpy(output, outputs, (size_t)lanes);
}

INLINE void finish_float(const Conv2D *p, Vector sums, const char *head, int32_t lanes,
                         int8_t *output)
{
    const int32_t zero_point = p->output_zero_point;
    const float low = (float)(p->lowest - zero_point), high = (float)(p->highest - zero_point);
    int32_t totals[LANES];
    float scale[LANES];
    int8_t outputs[LANES];
    memcpy(totals, &sums, sizeof totals);
    memcpy(scale, head + COLUMN_BYTES, sizeof scale);
    for (int32_t lane = 0; lane < LANES; lane++) {
        const float scaled = ek_clamp_float32((float)totals[lane] * scale[lane], low, high);
        outputs[lane] = (int8_t)(ek_nearest_even(scaled) + zero_point);
    }
    memcpy(output, outputs, (size_t)lanes);
}

#include "../x86/conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
