/* ADD and SUB of int8 tensors of the same shape for Cortex-M cores with Helium. */
#include "kernel.h"

#ifdef EK_HELIUM
#include <string.h>

#include "add.h"
#include "broadcast.h"
#include "gemm_int8_helium.h"

/* Four bytes as the units of both inputs. */
static inline int32x4_t in_units(const int8_t *from, mve_pred16_t part, int32_t zero_point,
                                 int32_t headroom, int32_t multiplier, int32x4_t shift,
                                 int32_t ties)
{
    const int32x4_t moved = vsubq_n_s32(vldrbq_z_s32(from, part), zero_point);
    return ek_helium_rescale(vshlq_r_s32(moved, headroom), vdupq_n_s32(multiplier), shift, ties);
}

static inline void add(const AddRescaled *p, int32_t count, const int8_t *a, const int8_t *b,
                       int8_t *output, int32_t ties)
{
    const int32x4_t a_shift = vdupq_n_s32(p->a_shift), b_shift = vdupq_n_s32(p->b_shift);
    const int32x4_t shift = vdupq_n_s32(p->shift);
    const int32x4_t lowest = vdupq_n_s32(p->lowest), highest = vdupq_n_s32(p->highest);
    for (; count > 0; count -= 4, a += 4, b += 4, output += 4) {
        const mve_pred16_t part = vctp32q((uint32_t)count);
        const int32x4_t first = in_units(a, part, p->a_zero_point, p->headroom, p->a_multiplier,
                                         a_shift, ties);
        const int32x4_t second = in_units(b, part, p->b_zero_point, p->headroom, p->b_multiplier,
                                          b_shift, ties);
        const int32x4_t sums = vmlaq_n_s32(first, second, p->sign);
        const int32x4_t scaled =
            ek_helium_rescale(sums, vdupq_n_s32(p->multiplier), shift, ties);
        const int32x4_t moved = vaddq_n_s32(scaled, p->zero_point);
        vstrbq_p_s32(output, vminq_s32(vmaxq_s32(moved, lowest), highest), part);
    }
}

/* tensors: inputs a and b, loops int32 [3][EK_LOOPS], of which one is left, output. */
void ek_add_int8_twice_helium(const int32_t *params, void *const *tensors)
{
    AddRescaledHelium p; /* a copy, because an int8 output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const int32_t count = ((const int32_t *)tensors[2])[EK_LOOPS - 1];
    const int8_t *const a = (const int8_t *)tensors[0], *const b = (const int8_t *)tensors[1];
    if (p.ties)
        add(&p.layer, count, a, b, (int8_t *)tensors[3], 1);
    else
        add(&p.layer, count, a, b, (int8_t *)tensors[3], 0);
}
#endif
