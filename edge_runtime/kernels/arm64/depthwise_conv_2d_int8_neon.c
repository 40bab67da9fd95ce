/* DEPTHWISE_CONV_2D of int8 for any aarch64: numbers are multiplied as int16. */
#include "kernel.h"

#ifdef EK_ARM64
#define TARGET
#include "int8_vectors.h"

#define KERNEL(rounding) ek_depthwise_conv_2d_int8_##rounding##_neon
#define LOADS_COUNT
#define SINGLE
#define chunks_at numbers_at

enum { ELEMENT = 2 };

INLINE int16x8_t numbers_at(const void *numbers)
{
    return vreinterpretq_s16_s8(bytes_at(numbers));
}

INLINE Vector dot(Vector sum, int16x8_t numbers, const char *weights)
{
    const int16x8_t all = numbers_at(weights);
    const Vector sums = {vmlal_s16(sum.low, vget_low_s16(numbers), vget_low_s16(all)),
                         vmlal_high_s16(sum.high, numbers, all)};
    return sums;
}

/* Numbers as int16. */
INLINE void copy(uint8_t *to, const int8_t *from, ptrdiff_t count)
{
    ptrdiff_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const int8x16_t numbers = vld1q_s8(from + i);
        vst1q_u8(to + 2 * i, vreinterpretq_u8_s16(vmovl_s8(vget_low_s8(numbers))));
        vst1q_u8(to + 2 * i + 16, vreinterpretq_u8_s16(vmovl_high_s8(numbers)));
    }
    for (; i < count; i++) {
        const int16_t number = from[i];
        memcpy(to + 2 * i, &number, sizeof number);
    }
}

INLINE void fill(uint8_t *to, int32_t number, ptrdiff_t count)
{
    const int16_t wide = (int16_t)number;
    for (ptrdiff_t i = 0; i < count; i++)
        memcpy(to + 2 * i, &wide, sizeof wide);
}

#include "../x86/depthwise_conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
