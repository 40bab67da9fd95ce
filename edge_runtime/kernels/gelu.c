/* GELU of float32; the meaning is defined in gelu.py. */
#define EK_ROLLED
#include "kernel.h"

#include "exponential.h"
#include "unary.h"

/* x times the share of a normal distribution that is below x. */
static inline float gelu(float value)
{
    const double x = (double)value, z = (x < 0 ? -x : x) * 0.7071067811865476;
    const double t = 2 / (2 + z);
    double sum = 0.18481072466398257;
    sum = sum * t - 1.3651917213489229;
    sum = sum * t + 4.368225615167729;
    sum = sum * t - 7.822788109607134;
    sum = sum * t + 8.462826718645234;
    sum = sum * t - 5.685631730382389;
    sum = sum * t + 2.620467723290644;
    sum = sum * t - 1.0531323477614387;
    sum = sum * t + 0.12916309809915333;
    sum = sum * t + 0.04823972503540408;
    sum = sum * t + 0.378751854159106;
    sum = sum * t + 0.9997639657327912;
    sum = sum * t - 1.2655055155295218;
    const double above = t * ek_exp(sum - z * z); /* erfc(z) */
    return (float)(0.5 * x * (x < 0 ? above : 2 - above));
}

/* The same by tanh: (1 + tanh(u)) / 2 is 1 / (1 + exp(-2 * u)). */
static inline float gelu_by_tanh(float value)
{
    const double x = (double)value;
    const double u = 0.7978845834732056 * (x + 0.044714998453855515 * x * x * x);
    return (float)(x / (1 + ek_exp(-2 * u)));
}

EK_UNARY(EK(gelu_float32), float, gelu)
EK_UNARY(EK(gelu_tanh_float32), float, gelu_by_tanh)
