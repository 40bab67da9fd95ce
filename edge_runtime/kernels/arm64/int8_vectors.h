/* Vectors of 8 sums of int8 layers with NEON, and what all levels of aarch64 share. The file that
 * includes this defines TARGET, the attribute of its instruction set: GCC inlines only functions
 * with the same one. */
#include <arm_neon.h>
#include <string.h>

#include "rescaling.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { LANES = 8 };

typedef struct {
    int32x4_t low, high;
} Vector;

/* What outputs are clamped to; the floats are of the float factors alone. */
typedef struct {
    int8x16_t lowest, highest;
    int16x8_t moved;
    float32x4_t low, high;
} Bounds;

INLINE Bounds bounds_of(int32_t lowest, int32_t highest, int32_t zero_point)
{
    const Bounds bounds = {vdupq_n_s8((int8_t)lowest), vdupq_n_s8((int8_t)highest),
                           vdupq_n_s16((int16_t)zero_point),
                           vdupq_n_f32((float)(lowest - zero_point)),
                           vdupq_n_f32((float)(highest - zero_point))};
    return bounds;
}

INLINE int8x16_t bytes_at(const void *bytes)
{
    return vld1q_s8(bytes);
}

INLINE int32x4_t four_at(const void *numbers)
{
    return vreinterpretq_s32_s8(bytes_at(numbers));
}

INLINE Vector load(const void *numbers)
{
    const Vector vector = {four_at(numbers), four_at((const char *)numbers + 16)};
    return vector;
}

/* The numbers of rescaling.h of a vector of outputs, those of EK_TWICE in all modes: SQRDMULH rounds
 * as the first step of ek_rescale_twice does, and SRSHL shifts to the right by what is negative. */
typedef struct {
    Vector multiplier, left, right;
} Head;

INLINE Head head_at(const char *head)
{
    const Vector right = load(head + EK_SHIFT * 4 * LANES);
    const Head numbers = {load(head + EK_MULTIPLIER * 4 * LANES),
                          load(head + EK_ROUNDING * 4 * LANES),
                          {vnegq_s32(right.low), vnegq_s32(right.high)}};
    return numbers;
}

INLINE int32x4_t scaled_above(int32x4_t sum, int32x4_t multiplier, int32x4_t right)
{
    return vrshlq_s32(vqrdmulhq_s32(sum, multiplier), right); /* halves up, which is enough here */
}

/* SRSHL rounds halves up, so that negative numbers are lessened by one before. */
INLINE int32x4_t scaled_either(int32x4_t sum, int32x4_t multiplier, int32x4_t right)
{
    const int32x4_t high = vqrdmulhq_s32(sum, multiplier);
    return vrshlq_s32(vsraq_n_s32(high, high, 31), right);
}

/* ek_rescale_twice for any numbers, whose sum with the zero point wraps. */
INLINE int32x4_t scaled_twice(int32x4_t sum, int32x4_t multiplier, int32x4_t left, int32x4_t right,
                              int32x4_t moved)
{
    const int32x4_t high = vqrdmulhq_s32(vshlq_s32(sum, left), multiplier);
    const int32x4_t scaled = vrshlq_s32(vsraq_n_s32(high, vandq_s32(high, right), 31), right);
    const uint32x4_t total = vaddq_u32(vreinterpretq_u32_s32(scaled), vreinterpretq_u32_s32(moved));
    return vqsubq_s32(vreinterpretq_s32_u32(total), moved); /* packed() adds it again */
}

INLINE int32x4_t scaled_float(int32x4_t sum, int32x4_t factor, const Bounds *bounds)
{
    const float32x4_t scaled = vmulq_f32(vcvtq_f32_s32(sum), vreinterpretq_f32_s32(factor));
    return vcvtnq_s32_f32(vminq_f32(vmaxq_f32(scaled, bounds->low), bounds->high));
}

/* Modes of rescaling.h: sums to outputs that are not yet clamped, nor moved by the zero point. */
INLINE Vector rescaled_above(Vector sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    const Vector vector = {scaled_above(sum.low, h->multiplier.low, h->right.low),
                           scaled_above(sum.high, h->multiplier.high, h->right.high)};
    return vector;
}

INLINE Vector rescaled_either(Vector sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    const Vector vector = {scaled_either(sum.low, h->multiplier.low, h->right.low),
                           scaled_either(sum.high, h->multiplier.high, h->right.high)};
    return vector;
}

INLINE Vector rescaled_twice(Vector sum, const Head *h, const Bounds *bounds)
{
    const int32x4_t moved = vmovl_s16(vget_low_s16(bounds->moved));
    const Vector vector = {
        scaled_twice(sum.low, h->multiplier.low, h->left.low, h->right.low, moved),
        scaled_twice(sum.high, h->multiplier.high, h->left.high, h->right.high, moved)};
    return vector;
}

INLINE Vector rescaled_float(Vector sum, const Head *h, const Bounds *bounds)
{
    const Vector vector = {scaled_float(sum.low, h->multiplier.low, bounds),
                           scaled_float(sum.high, h->multiplier.high, bounds)};
    return vector;
}

/* The low and the high halves of four vectors, as bytes. */
typedef struct {
    int8x16_t low, high;
} Bytes;

INLINE int16x8_t narrowed(int32x4_t a, int32x4_t b, const Bounds *bounds)
{
    return vqaddq_s16(vqmovn_high_s32(vqmovn_s32(a), b), bounds->moved);
}

INLINE int8x16_t clamped(int16x8_t a, int16x8_t b, const Bounds *bounds)
{
    const int8x16_t bytes = vqmovn_high_s16(vqmovn_s16(a), b);
    return vminq_s8(vmaxq_s8(bytes, bounds->lowest), bounds->highest);
}

INLINE Bytes packed(const Vector *four, const Bounds *bounds)
{
    const Bytes bytes = {clamped(narrowed(four[0].low, four[1].low, bounds),
                                 narrowed(four[2].low, four[3].low, bounds), bounds),
                         clamped(narrowed(four[0].high, four[1].high, bounds),
                                 narrowed(four[2].high, four[3].high, bounds), bounds)};
    return bytes;
}

/* Stores the first bytes of a vector, fewer than 16. */
INLINE void store_some(int8x16_t bytes, int32_t count, int8_t *to)
{
    if (count & 8) {
        vst1_s8(to, vget_low_s8(bytes));
        bytes = vextq_s8(bytes, bytes, 8);
        to += 8;
    }
    if (count & 4) {
        const int32_t four = vgetq_lane_s32(vreinterpretq_s32_s8(bytes), 0);
        memcpy(to, &four, sizeof four);
        bytes = vextq_s8(bytes, bytes, 4);
        to += 4;
    }
    if (count & 2) {
        const int16_t two = vgetq_lane_s16(vreinterpretq_s16_s8(bytes), 0);
        memcpy(to, &two, sizeof two);
        bytes = vextq_s8(bytes, bytes, 2);
        to += 2;
    }
    if (count & 1)
        *to = vgetq_lane_s8(bytes, 0);
}

/* Two positions of 16 outputs. */
INLINE void store_pairs(Bytes bytes, int32_t count, int32_t there, int8_t *output, ptrdiff_t pitch)
{
    const int64x2_t low = vreinterpretq_s64_s8(bytes.low), high = vreinterpretq_s64_s8(bytes.high);
    const int8x16_t first = vreinterpretq_s8_s64(vzip1q_s64(low, high));
    const int8x16_t second = vreinterpretq_s8_s64(vzip2q_s64(low, high));
    if (there == 16) {
        vst1q_s8(output, first);
        if (count > 1)
            vst1q_s8(output + pitch, second);
        return;
    }
    store_some(first, there, output);
    if (count > 1)
        store_some(second, there, output + pitch);
}

/* Stores the bytes of 4 / wide positions, "there" of each: of two vectors, in ek_lane()'s order. */
INLINE void store(const int32_t wide, Bytes bytes, int32_t count, int32_t there, int8_t *output,
                  ptrdiff_t pitch)
{
    if (wide == 2) {
        store_pairs(bytes, count, there, output, pitch);
        return;
    }
    const int32x4_t low = vreinterpretq_s32_s8(bytes.low), high = vreinterpretq_s32_s8(bytes.high);
    const int8x16_t first = vreinterpretq_s8_s32(vzip1q_s32(low, high));
    const int8x16_t second = vreinterpretq_s8_s32(vzip2q_s32(low, high));
    if (wide == 4) {
        vst1q_s8(output, first);
        vst1q_s8(output + 16, second);
        return;
    }
    const int8x8_t each[] = {vget_low_s8(first), vget_high_s8(first), vget_low_s8(second),
                             vget_high_s8(second)};
    UNROLL
    for (int32_t i = 0; i < 4; i++)
        if (i >= count)
            ;
        else if (there == 8)
            vst1_s8(output + i * pitch, each[i]);
        else
            store_some(vcombine_s8(each[i], each[i]), there, output + i * pitch);
}
