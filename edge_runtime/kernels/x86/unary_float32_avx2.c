/* LOGISTIC, TANH, ELU and EXP of float32 with AVX2; the same bytes as the portable kernels. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#define LANES 4

#include "exponential.h"
#include "float_bits.h"

typedef enum { LOGISTIC, TANH, ELU, EXP } Function;

INLINE Floats selected(Ints mask, Floats a, Floats b)
{
    return (Floats)((mask & (Ints)a) | (~mask & (Ints)b));
}

/* Quickly, of floats as doubles, whose exponential is that of x. */
INLINE Doubles quick(Function function, Doubles x, Longs far)
{
    const Power p = power_of(x);
    if (function == LOGISTIC || function == EXP) {
        const Doubles power = FUSED(p.scale, p.rest, p.scale);
        return function == EXP ? power : chosen(far, power, inverse_of(1 + power));
    }
    const Doubles less = FUSED(p.scale, p.rest, p.scale - 1);
    return function == ELU ? less : less * inverse_of(less + 2);
}

/* As sigmoid_float32.h and elu.c do it. */
SHARED Doubles exact(Function function, Doubles input, Doubles x, Longs far)
{
    const Doubles power = exp_of(x);
    const Longs near = (input > -1.0 / 4096) & (input < 1.0 / 4096);
    if (function == LOGISTIC)
        return chosen(far, power, 1 / (1 + power));
    if (function == TANH)
        return chosen(near, input - input * input * input / 3, (power - 1) / (power + 1));
    if (function == ELU)
        return chosen(near, input + input * input * (0.5 + input / 6), power - 1);
    return power;
}

/* tensors: input float [count], output float [count]; LOGISTIC is exp(x) below a number. */
SHARED void run(Function function, int32_t count, double below, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    for (int32_t left = count; left > 0; left -= LANES, input += LANES, output += LANES) {
        const Floats numbers = load(input, left);
        const Doubles given = doubles_of(numbers);
        const Longs far = given < below;
        const Doubles x = function == LOGISTIC ? chosen(far, given, -given)
                          : function == TANH   ? given + given
                          : function == ELU    ? SMALLER(given, all(0))
                                               : given;
        Doubles value = quick(function, x, far);
        if (__builtin_expect(uncertain(value, ROOM), 0))
            value = exact(function, given, x, far);
        Floats result = floats_of(value);
        if (function == ELU)
            result = selected(numbers < 0, result, numbers);
        if (function == EXP)
            result = selected(numbers == numbers, result, numbers);
        store(output, result, left);
    }
}

void ek_logistic_float32_avx2(const int32_t *params, void *const *tensors)
{
    run(LOGISTIC, params[0], (double)ek_float(&params[1]), tensors);
}

void ek_tanh_float32_avx2(const int32_t *params, void *const *tensors)
{
    run(TANH, params[0], 0, tensors);
}

void ek_elu_float32_avx2(const int32_t *params, void *const *tensors)
{
    run(ELU, params[0], 0, tensors);
}

void ek_transcendental_exp_float32_avx2(const int32_t *params, void *const *tensors)
{
    run(EXP, params[0], 0, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
