/* CONV_2D of int8 for aarch64 with the products of matrices of Armv8.6. */
#include "kernel.h"

#ifdef EK_ARM64
#if !defined(__clang__) /* GCC would load more at once than there are registers */
#pragma GCC optimize("no-schedule-insns", "no-code-hoisting")
#endif
#include "dotprod.h"

#include "conv_2d_int8.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_i8mm
enum { MOST = 6 };

/* Adds the products of eight bytes of two windows with those of two outputs: of the first window
 * with both outputs, then of the second. Written out, because not every compiler has the name. */
INLINE int32x4_t product(int32x4_t sums, int8x16_t windows, int8x16_t outputs)
{
    __asm__(".arch_extension i8mm\n\tsmmla %0.4s, %1.16b, %2.16b"
            : "+w"(sums)
            : "w"(windows), "w"(outputs));
    return sums;
}

INLINE int8x16_t first_halves(int8x16_t a, int8x16_t b)
{
    return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

INLINE int8x16_t second_halves(int8x16_t a, int8x16_t b)
{
    return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

/* Adds the products of so many pairs of windows, and loads weights before those are needed. */
INLINE void products(const int32_t pairs, const int32_t wide, const int8x16_t *x,
                     const char *weights, int32x4_t *sums)
{
    int8x16_t w = bytes_at(weights);
    UNROLL
    for (int32_t v = 0; v < 4 * wide; v++) {
        const int8x16_t next = v + 1 == 4 * wide ? w : bytes_at(weights + v * 16 + 16);
        UNROLL
        for (int32_t i = 0; i < pairs; i++)
            sums[i * 4 * wide + v] = product(sums[i * 4 * wide + v], x[i], w);
        w = next;
    }
}

/* The sums of a tile: "high" windows, each in "wide" vectors; an odd one is multiplied twice. */
INLINE void tile(const int32_t high, const int32_t wide, const uint8_t *const *windows,
                 const int32_t *offsets, size_t chunks, const char *head, const char *weights,
                 Vector *totals)
{
    const int32_t pairs = (high + 1) / 2, size = wide * LANES * 2 * EK_CHUNK;
    const uint8_t *at[MOST];
    int32x4_t sums[2 * 2 * MOST];
    int8x16_t x[MOST / 2], next[MOST / 2];
    UNROLL
    for (int32_t i = 0; i < 2 * pairs; i++)
        at[i] = windows[i < high ? i : high - 1];
    UNROLL
    for (int32_t v = 0; v < 2 * wide; v++) {
        const int64x2_t four = vreinterpretq_s64_s32(biases(head, v));
        UNROLL
        for (int32_t i = 0; i < pairs; i++) {
            sums[i * 4 * wide + 2 * v] = vreinterpretq_s32_s64(vzip1q_s64(four, four));
            sums[i * 4 * wide + 2 * v + 1] = vreinterpretq_s32_s64(vzip2q_s64(four, four));
        }
    }
    while (chunks > 0) { /* an even number, as runs are padded to 8 bytes */
        const ptrdiff_t offset = *offsets;
        if (are_side_by_side(offsets, chunks)) {
            UNROLL
            for (int32_t i = 0; i < pairs; i++) {
                const int8x16_t a = bytes_at(at[2 * i] + offset);
                const int8x16_t b = bytes_at(at[2 * i + 1] + offset);
                x[i] = first_halves(a, b);
                next[i] = second_halves(a, b);
            }
            products(pairs, wide, x, weights, sums);
            products(pairs, wide, next, weights + size, sums);
            chunks -= 4;
            offsets += 4;
            weights += 2 * size;
            continue;
        }
        UNROLL
        for (int32_t i = 0; i < pairs; i++)
            x[i] = vcombine_s8(vld1_s8((const int8_t *)at[2 * i] + offset),
                               vld1_s8((const int8_t *)at[2 * i + 1] + offset));
        products(pairs, wide, x, weights, sums);
        chunks -= 2;
        offsets += 2;
        weights += size;
    }
    UNROLL
    for (int32_t i = 0; i < high; i++)
        UNROLL
        for (int32_t v = 0; v < wide; v++) {
            const int32x4_t *const four = &sums[i / 2 * 4 * wide + 4 * v];
            Vector *const total = &totals[i * wide + v];
            int64x2_t all[4];
            UNROLL
            for (int32_t n = 0; n < 4; n++)
                all[n] = vreinterpretq_s64_s32(four[n]);
            total->low = vreinterpretq_s32_s64(i % 2 ? vzip2q_s64(all[0], all[1])
                                                     : vzip1q_s64(all[0], all[1]));
            total->high = vreinterpretq_s32_s64(i % 2 ? vzip2q_s64(all[2], all[3])
                                                      : vzip1q_s64(all[2], all[3]));
        }
}

#include "../x86/conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
