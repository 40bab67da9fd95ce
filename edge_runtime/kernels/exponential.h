/* exp for the float kernels, the same bytes on every machine; defined in exponential.py. */
#ifndef EK_EXPONENTIAL_H
#define EK_EXPONENTIAL_H

#include <stdint.h>

#include "double_bits.h"

static inline double ek_exp(double x)
{
    x = x > -708 ? x < 709 ? x : 709 : -708; /* NaN becomes -708 */
    const int64_t power = (int64_t)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    const double k = (double)power;
    const double r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10;
    double sum = 1.0 / 479001600;
    sum = sum * r + 1.0 / 39916800;
    sum = sum * r + 1.0 / 3628800;
    sum = sum * r + 1.0 / 362880;
    sum = sum * r + 1.0 / 40320;
    sum = sum * r + 1.0 / 5040;
    sum = sum * r + 1.0 / 720;
    sum = sum * r + 1.0 / 120;
    sum = sum * r + 1.0 / 24;
    sum = sum * r + 1.0 / 6;
    sum = sum * r + 0.5;
    sum = sum * r + 1;
    sum = sum * r + 1;
    return sum * ek_double((uint64_t)(power + 1023) << 52);
}

#endif
