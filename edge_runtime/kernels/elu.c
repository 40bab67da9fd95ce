/* ELU of float32; the meaning is defined in elu.py. */
#include "kernel.h"

#include "exponential.h"
#include "unary.h"

static inline float elu(float value)
{
    const double x = (double)value;
    const double small = x + x * x * (0.5 + x / 6), large = ek_exp(x) - 1;
    return x < 0 ? (float)(x > -1.0 / 4096 ? small : large) : value;
}

EK_UNARY(EK(elu_float32), float, elu)
