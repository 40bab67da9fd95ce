/* GELU of float32 in vectors; the same bytes as the portable kernels. The file that includes this
 * defines LANES, and KERNEL(name) as the name of a kernel of its level. */
#include "exponential.h"
#include "table.h"

typedef enum { GELU, GELU_TANH } Function;

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

void KERNEL(gelu_float32)(const int32_t *params, void *const *tensors)
{
    gelu(GELU, params[0], ek_gelu_float32, tensors);
}

void KERNEL(gelu_tanh_float32)(const int32_t *params, void *const *tensors)
{
    gelu(GELU_TANH, params[0], ek_gelu_tanh_float32, tensors);
}
