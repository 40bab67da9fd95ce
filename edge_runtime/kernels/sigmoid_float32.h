/* The logistic function and tanh of float32, calculated in double; defined in logistic.py, tanh.py.
 */
#ifndef EK_SIGMOID_FLOAT32_H
#define EK_SIGMOID_FLOAT32_H

#include "exponential.h"

static inline float ek_logistic_of(float x)
{
    return (float)(1 / (1 + ek_exp(-(double)x)));
}

static inline float ek_tanh_of(float value)
{
    const double x = (double)value, e = ek_exp(2 * x);
    const double small = x - x * x * x / 3, large = (e - 1) / (e + 1);
    return (float)(x > -1.0 / 4096 && x < 1.0 / 4096 ? small : large);
}

#endif
