/* The natural logarithm for the float kernels, the same bytes on every machine; defined in
 * logarithm.py. */
#ifndef EK_LOGARITHM_H
#define EK_LOGARITHM_H

#include <stdint.h>

#include "double_bits.h"

/* Of a positive, finite and normal number. */
static inline double ek_log(double x)
{
    const uint64_t bits = ek_double_bits(x);
    int32_t power = (int32_t)(bits >> 52) - 1022;
    double m = ek_double((bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1022 << 52);
    if (m < 0.7071067811865476) {
        m *= 2;
        power--;
    }
    const double ratio = (m - 1) / (m + 1), square = ratio * ratio;
    const double k = (double)power;
    double sum = 1.0 / 21;
    sum = sum * square + 1.0 / 19;
    sum = sum * square + 1.0 / 17;
    sum = sum * square + 1.0 / 15;
    sum = sum * square + 1.0 / 13;
    sum = sum * square + 1.0 / 11;
    sum = sum * square + 1.0 / 9;
    sum = sum * square + 1.0 / 7;
    sum = sum * square + 1.0 / 5;
    sum = sum * square + 1.0 / 3;
    sum = sum * square + 1;
    return k * 0.6931471803691238 + (k * 1.9082149292705877e-10 + 2 * ratio * sum);
}

#endif
