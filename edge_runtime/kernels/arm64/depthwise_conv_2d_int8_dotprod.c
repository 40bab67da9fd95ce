/* DEPTHWISE_CONV_2D of int8 for aarch64 with the dot products of Armv8.2. */
#include "kernel.h"

#ifdef EK_ARM64
#include "dotprod.h"

#include "int8_bytes.h"
#include "int8_vectors.h"

#define KERNEL(rounding) ek_depthwise_conv_2d_int8_##rounding##_dotprod
#define LOADS_COUNT

INLINE Vector dot(Vector sum, Vector chunks, const char *weights)
{
    const Vector sums = {
        vdotq_s32(sum.low, vreinterpretq_s8_s32(chunks.low), bytes_at(weights)),
        vdotq_s32(sum.high, vreinterpretq_s8_s32(chunks.high), bytes_at(weights + 16))};
    return sums;
}

enum { STRIDE = 16 }; /* numbers that are interleaved at once */

/* Chunks of the taps of STRIDE numbers, those of rows from[0] to from[3]. */
INLINE void interleave(const uint8_t *const *from, ptrdiff_t at, uint8_t *to)
{
    uint8x16_t rows[4];
    UNROLL
    for (int32_t i = 0; i < 4; i++)
        rows[i] = vld1q_u8(from[i] + at);
    const uint16x8_t low = vreinterpretq_u16_u8(vzip1q_u8(rows[0], rows[1]));
    const uint16x8_t high = vreinterpretq_u16_u8(vzip2q_u8(rows[0], rows[1]));
    const uint16x8_t low_2 = vreinterpretq_u16_u8(vzip1q_u8(rows[2], rows[3]));
    const uint16x8_t high_2 = vreinterpretq_u16_u8(vzip2q_u8(rows[2], rows[3]));
    vst1q_u8(to, vreinterpretq_u8_u16(vzip1q_u16(low, low_2)));
    vst1q_u8(to + 16, vreinterpretq_u8_u16(vzip2q_u16(low, low_2)));
    vst1q_u8(to + 32, vreinterpretq_u8_u16(vzip1q_u16(high, high_2)));
    vst1q_u8(to + 48, vreinterpretq_u8_u16(vzip2q_u16(high, high_2)));
}

#include "../x86/depthwise_conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
