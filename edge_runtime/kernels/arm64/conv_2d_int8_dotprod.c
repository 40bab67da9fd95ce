/* CONV_2D of int8 for aarch64 with the dot products of Armv8.2. */
#include "kernel.h"

#ifdef EK_ARM64
#if !defined(__clang__) /* GCC would load more at once than there are registers */
#pragma GCC optimize("no-schedule-insns", "no-code-hoisting")
#endif
#include "dotprod.h"

#include "conv_2d_int8.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_dotprod
enum { MOST = 6 };

/* Adds the products of chunk "lane" of each window, and loads weights before those are needed. */
#define DOTS(lane, last)                                                                           \
    UNROLL                                                                                         \
    for (int32_t v = 0; v < 2 * wide; v++) {                                                       \
        const int8x16_t next = last && v + 1 == 2 * wide ? w : bytes_at(weights += 16);            \
        UNROLL                                                                                     \
        for (int32_t i = 0; i < high; i++)                                                         \
            sums[i * 2 * wide + v] = vdotq_laneq_s32(sums[i * 2 * wide + v], w, x[i], lane);       \
        w = next;                                                                                  \
    }

/* The sums of a tile: "high" windows, each in "wide" vectors. */
INLINE void tile(const int32_t high, const int32_t wide, const uint8_t *const *windows,
                 const int32_t *offsets, size_t chunks, const char *head, const char *weights,
                 Vector *totals)
{
    const uint8_t *at[MOST];
    int32x4_t sums[4 * MOST];
    int8x16_t x[MOST];
    UNROLL
    for (int32_t i = 0; i < high; i++)
        at[i] = windows[i];
    UNROLL
    for (int32_t i = 0; i < high * 2 * wide; i++)
        sums[i] = biases(head, i % (2 * wide));
    while (chunks > 0) {
        const ptrdiff_t offset = *offsets;
        int8x16_t w = bytes_at(weights);
        if (are_side_by_side(offsets, chunks)) {
            UNROLL
            for (int32_t i = 0; i < high; i++)
                x[i] = bytes_at(at[i] + offset);
            DOTS(0, 0)
            DOTS(1, 0)
            DOTS(2, 0)
            DOTS(3, 1)
            weights += 16;
            chunks -= 4;
            offsets += 4;
            continue;
        }
        UNROLL
        for (int32_t i = 0; i < high; i++) {
            int32_t four;
            memcpy(&four, at[i] + offset, sizeof four);
            x[i] = vreinterpretq_s8_s32(vdupq_n_s32(four));
        }
        DOTS(0, 1)
        weights += 16;
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
