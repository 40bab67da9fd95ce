/* LOGISTIC, TANH, ELU, EXP and GELU of float32 in vectors; the same bytes as the portable kernels.
 * The file that includes this defines LANES, and KERNEL(name) as the name of a kernel of its
 * level. */
#include "exponential.h"
#include "float_bits.h"
#include "table.h"

typedef enum { LOGISTIC, TANH, ELU, EXP, GELU, GELU_TANH } Function;

#if LANES == 8
#define MASK(left) (__mmask8)(0xff >> (LANES - left))
#define LOAD(from, mask) _mm256_maskz_loadu_ps(mask, from)
#define STORE(to, mask, numbers) _mm256_mask_storeu_ps(to, mask, (__m256)numbers)
#else
#define MASK(left) _mm_cmpgt_epi32(_mm_set1_epi32(left), _mm_setr_epi32(0, 1, 2, 3))
#define LOAD(from, mask) _mm_maskload_ps(from, mask)
#define STORE(to, mask, numbers) _mm_maskstore_ps(to, mask, (__m128)numbers)
#endif

/* The first "left" floats, if those are fewer. */
INLINE Floats load(const float *from, int32_t left)
{
    Floats numbers;
    if (left < LANES)
        return (Floats)LOAD(from, MASK(left));
    memcpy(&numbers, from, sizeof numbers);
    return numbers;
}

INLINE void store(float *to, Floats numbers, int32_t left)
{
    if (left < LANES)
        STORE(to, MASK(left), numbers);
    else
        memcpy(to, &numbers, sizeof numbers);
}

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

/* GELU, of x as a double. */
INLINE Doubles quick_gelu(Doubles x)
{
    const Doubles z = LARGER(-x, x) * 0.7071067811865476, t = 2 / (2 + z);
    Doubles sum = all(0.18481072466398257);
    sum = FUSED(sum, t, all(-1.3651917213489229));
    sum = FUSED(sum, t, all(4.368225615167729));
    sum = FUSED(sum, t, all(-7.822788109607134));
    sum = FUSED(sum, t, all(8.462826718645234));
    sum = FUSED(sum, t, all(-5.685631730382389));
    sum = FUSED(sum, t, all(2.620467723290644));
    sum = FUSED(sum, t, all(-1.0531323477614387));
    sum = FUSED(sum, t, all(0.12916309809915333));
    sum = FUSED(sum, t, all(0.04823972503540408));
    sum = FUSED(sum, t, all(0.378751854159106));
    sum = FUSED(sum, t, all(0.9997639657327912));
    sum = FUSED(sum, t, all(-1.2655055155295218));
    const Power p = power_of(FUSED(-z, z, sum));
    const Doubles above = t * FUSED(p.scale, p.rest, p.scale);
    return 0.5 * x * chosen(x < 0, above, 2 - above);
}

/* Numbers below -16 as that one, whose function is so tiny that it is uncertain. */
INLINE Doubles quick_gelu_tanh(Doubles x)
{
    x = LARGER(all(-16), x);
    const Doubles u = 0.7978845834732056 * (x + 0.044714998453855515 * x * x * x);
    const Power p = power_of(-2 * u);
    return x * inverse_of(FUSED(p.scale, p.rest, p.scale + 1));
}

/* Both kinds, of which the portable kernel calculates what is uncertain. */
SHARED void gelu(Function function, int32_t count, ek_kernel *portable, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    for (int32_t left = count; left > 0; left -= LANES, input += LANES, output += LANES) {
        Floats numbers = load(input, left);
        const Doubles x = doubles_of(numbers);
        const Doubles value = function == GELU ? quick_gelu(x) : quick_gelu_tanh(x);
        Floats result = floats_of(value);
        if (__builtin_expect(uncertain(value, ROOM), 0)) {
            const int32_t lanes = LANES;
            portable(&lanes, (void *[]){&numbers, &result});
        }
        store(output, result, left);
    }
}

void KERNEL(logistic_float32)(const int32_t *params, void *const *tensors)
{
    run(LOGISTIC, params[0], (double)ek_float(&params[1]), tensors);
}

void KERNEL(tanh_float32)(const int32_t *params, void *const *tensors)
{
    run(TANH, params[0], 0, tensors);
}

void KERNEL(elu_float32)(const int32_t *params, void *const *tensors)
{
    run(ELU, params[0], 0, tensors);
}

void KERNEL(transcendental_exp_float32)(const int32_t *params, void *const *tensors)
{
    run(EXP, params[0], 0, tensors);
}

void KERNEL(gelu_float32)(const int32_t *params, void *const *tensors)
{
    gelu(GELU, params[0], ek_gelu_float32, tensors);
}

void KERNEL(gelu_tanh_float32)(const int32_t *params, void *const *tensors)
{
    gelu(GELU_TANH, params[0], ek_gelu_tanh_float32, tensors);
}
