/* ADD and SUB of int8 for Helium: the parameters, and whether ties below zero matter. */
#define EK_SMALL
#include "kernel.h"

#include "add.h"
#include "broadcast.h"
#include "fixed_point.h"
#include "table.h"

/* ek_rescale_twice, or with halves below zero rounded up. */
static int32_t rescaled(int32_t value, int32_t multiplier, int32_t shift, int ties)
{
    const int32_t high = ek_rescale_twice(value, multiplier, 0);
    if (ties || !shift)
        return ek_rounding_shift(high, -shift);
    return (int32_t)(((int64_t)high + ((int64_t)1 << (-shift - 1))) >> -shift);
}

static int32_t output_of(const AddRescaled *p, const int32_t *a, const int32_t *b, int ties)
{
    const int32_t total = rescaled(*a + p->sign * *b, p->multiplier, p->shift, ties);
    return ek_clamp(total + p->zero_point, p->lowest, p->highest);
}

/* Whether some pair of inputs gives another output if no tie is rounded away from zero. */
static int has_ties(const AddRescaled *p)
{
    int32_t a[2][256], b[2][256]; /* units, with ties rounded up and away from zero */
    for (int ties = 0; ties < 2; ties++)
        for (int32_t i = 0; i < 256; i++) {
            const int32_t unit = (int32_t)1 << p->headroom;
            a[ties][i] = rescaled((i - 128 - p->a_zero_point) * unit, p->a_multiplier, p->a_shift,
                                  ties);
            b[ties][i] = rescaled((i - 128 - p->b_zero_point) * unit, p->b_multiplier, p->b_shift,
                                  ties);
        }
    for (int32_t i = 0; i < 256; i++)
        for (int32_t j = 0; j < 256; j++)
            if (output_of(p, &a[0][i], &b[0][j], 0) != output_of(p, &a[1][i], &b[1][j], 1))
                return 1;
    return 0;
}

static int goes_right(int32_t multiplier, int32_t shift)
{
    return multiplier != INT32_MIN && shift <= 0 && shift >= -31;
}

/* Refuses tensors that are broadcast, and numbers beyond those of TFLite's converter. */
int ek_pack_add_helium(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const AddRescaled *const p = (const AddRescaled *)params;
    const int32_t *const sizes = tensors[2];
    if (!sizes || ek_rows(sizes) != 1 || sizes[2 * EK_LOOPS - 1] != 1 ||
        sizes[3 * EK_LOOPS - 1] != 1)
        return 0;
    if (p->headroom < 0 || p->headroom > 20 || !goes_right(p->a_multiplier, p->a_shift) ||
        !goes_right(p->b_multiplier, p->b_shift) || !goes_right(p->multiplier, p->shift))
        return 0;
    memcpy(packing->params, p, sizeof *p);
    ((AddRescaledHelium *)packing->params)->ties = has_ties(p);
    packing->count = sizeof(AddRescaledHelium) / sizeof(int32_t);
    return 1;
}
