/* What kernels of SOFTMAX of int8 and uint8 share; the meaning is defined in softmax.py. */
#ifndef EK_SOFTMAX_INT8_H
#define EK_SOFTMAX_INT8_H

#include "fixed_point.h"
#include "gemmlowp.h"

/* A number as int8: a byte of uint8, whose flip is -128, less 128. */
static inline int8_t ek_number(int8_t byte, int32_t flip)
{
    return (int8_t)(byte ^ flip);
}

static inline int32_t ek_largest_int8(const int8_t *row, int32_t depth, int32_t flip)
{
    int8_t largest = -128;
    for (int32_t i = 0; i < depth; i++)
        largest = ek_number(row[i], flip) > largest ? ek_number(row[i], flip) : largest;
    return largest;
}

/* What a row's exponentials are multiplied by, and the shift to ``bits`` fractional bits. */
typedef struct {
    int32_t reciprocal, right;
} EkShare;

/* total: the sum of the exponentials, with 19 fractional bits, at least 1, and by the limit of the
 * depth at most 2^31. */
static inline EkShare ek_share_of(uint32_t total, int32_t bits)
{
    const int32_t zeros = ek_leading_zeros(total);
    const EkShare share = {ek_reciprocal((int32_t)((total << zeros) - 0x80000000u)),
                           12 - zeros + 31 - bits};
    return share;
}

static inline int32_t ek_scaled(EkShare share, int32_t power, int32_t highest)
{
    if (share.right > 31)
        return 0;
    const int32_t output = ek_rounding_shift(ek_product(share.reciprocal, power), share.right);
    return output < highest ? output : highest;
}

#endif
