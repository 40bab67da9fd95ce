/* CONV_2D of int8 for any aarch64. */
#include "kernel.h"

#ifdef EK_ARM64
#if !defined(__clang__) /* GCC would load more at once than there are registers */
#pragma GCC optimize("no-schedule-insns")
#endif
#define TARGET
#include "conv_2d_int8.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_neon
#define MOST_IS_4 1
enum { MOST = 4 };

/* Adds the products of chunk "lane" of each window: of the first and third bytes, and of the second
 * and fourth, in sums of 16 bits, which the packer has seen to suffice. */
#define DOTS(lane)                                                                                 \
    do {                                                                                           \
        int8x16_t w[2 * 2];                                                                        \
        UNROLL                                                                                     \
        for (int32_t v = 0; v < 2 * wide; v++)                                                     \
            w[v] = bytes_at(weights + v * 16);                                                     \
        UNROLL                                                                                     \
        for (int32_t i = 0; i < high; i++) {                                                       \
            const int8x16_t a = vreinterpretq_s8_s16(vdupq_laneq_s16(x[i], 2 * (lane)));           \
            const int8x16_t b = vreinterpretq_s8_s16(vdupq_laneq_s16(x[i], 2 * (lane) + 1));       \
            UNROLL                                                                                 \
            for (int32_t v = 0; v < wide; v++) {                                                   \
                int32x4_t *const sum = &sums[(i * wide + v) * 2];                                  \
                int16x8_t low = vmull_s8(vget_low_s8(w[2 * v]), vget_low_s8(a));                   \
                int16x8_t next = vmull_high_s8(w[2 * v], a);                                       \
                low = vmlal_s8(low, vget_low_s8(w[2 * v + 1]), vget_low_s8(b));                    \
                next = vmlal_high_s8(next, w[2 * v + 1], b);                                       \
                sum[0] = vpadalq_s16(sum[0], low);                                                 \
                sum[1] = vpadalq_s16(sum[1], next);                                                \
            }                                                                                      \
        }                                                                                          \
        weights += 32 * wide;                                                                      \
    } while (0)

/* The sums of a tile: "high" windows, each in "wide" vectors. */
INLINE void tile(const int32_t high, const int32_t wide, const uint8_t *const *windows,
                 const int32_t *offsets, size_t chunks, const char *head, const char *weights,
                 Vector *totals)
{
    const uint8_t *at[MOST];
    int32x4_t sums[4 * MOST];
    int16x8_t x[MOST];
    UNROLL
    for (int32_t i = 0; i < high; i++)
        at[i] = windows[i];
    UNROLL
    for (int32_t i = 0; i < high * 2 * wide; i++)
        sums[i] = biases(head, i % (2 * wide));
    while (chunks > 0) {
        const ptrdiff_t offset = *offsets;
        if (are_side_by_side(offsets, chunks)) {
            UNROLL
            for (int32_t i = 0; i < high; i++)
                x[i] = vreinterpretq_s16_s8(bytes_at(at[i] + offset));
            DOTS(0);
            DOTS(1);
            DOTS(2);
            DOTS(3);
            chunks -= 4;
            offsets += 4;
            continue;
        }
        UNROLL
        for (int32_t i = 0; i < high; i++) {
            int32_t four;
            memcpy(&four, at[i] + offset, sizeof four);
            x[i] = vreinterpretq_s16_s32(vdupq_n_s32(four));
        }
        DOTS(0);
        chunks--;
        offsets++;
    }
    UNROLL
    for (int32_t i = 0; i < high * wide; i++) {
        totals[i].low = sums[2 * i];
        totals[i].high = sums[2 * i + 1];
    }
}

#include "../x86/conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
