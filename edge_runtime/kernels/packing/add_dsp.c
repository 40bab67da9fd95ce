/* ADD and SUB of int8 for Cortex-M cores with the DSP extension: see add_dsp.h. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "add.h"
#include "add_dsp.h"
#include "broadcast.h"
#include "fixed_point.h"
#include "table.h"

enum { TRIES = 7 }; /* of the slope of each input, which the rounding of the kernel may need */
enum { HEADROOM = 20, FRACTION = 27, LOWER = 15, VALUES = 256, LEAST = -128, MOST = 127 };

/* No start is further from 0 than this; it fits into int32 without its lower bits. */
static const int64_t FARTHEST = (int64_t)1 << 44;

static int is_a_factor(int32_t multiplier, int32_t shift)
{
    return multiplier >= 0 && shift <= 0 && shift >= -31;
}

/* Whether the sum is of rows, no row of the same number, and rescaled as of scales. */
static int fits(const AddRescaled *p, const int32_t *loops)
{
    for (int32_t i = 0; i < EK_LOOPS - 2; i++)
        if (loops[i] != 1)
            return 0;
    return loops[2 * EK_LOOPS - 1] == 1 && loops[3 * EK_LOOPS - 1] == 1 &&
           p->headroom == HEADROOM && is_a_factor(p->a_multiplier, p->a_shift) &&
           is_a_factor(p->b_multiplier, p->b_shift) && is_a_factor(p->multiplier, p->shift) &&
           p->lowest == LEAST && p->highest == MOST;
}

/* All values of an input as the kernel rescales them. */
static void rescale_all(int32_t zero_point, int32_t multiplier, int32_t shift, int32_t sign,
                        int32_t *rescaled)
{
    const int32_t unit = (int32_t)1 << HEADROOM;
    for (int32_t i = 0; i < VALUES; i++)
        rescaled[i] = sign * ek_rescale_twice((i + LEAST - zero_point) * unit, multiplier, shift);
}

/* What an input counts in the output, times 2^FRACTION. */
static int64_t slope(const AddRescaled *p, int32_t multiplier, int32_t shift)
{
    const int32_t right = 62 - HEADROOM - FRACTION - shift - p->shift;
    const int64_t product = (int64_t)multiplier * p->multiplier;
    return right > 62 ? 0 : (product + ((int64_t)1 << (right - 1))) >> right;
}

/* Finds the numbers that start C may be, from *least to below *most, by trying all inputs. */
static void bound_start(const AddRescaled *p, int64_t a_slope, int64_t b_slope, int64_t *least,
                        int64_t *most)
{
    const int64_t one = (int64_t)1 << FRACTION;
    int32_t a_rescaled[VALUES], b_rescaled[VALUES];
    rescale_all(p->a_zero_point, p->a_multiplier, p->a_shift, 1, a_rescaled);
    rescale_all(p->b_zero_point, p->b_multiplier, p->b_shift, p->sign, b_rescaled);
    *least = -FARTHEST;
    *most = FARTHEST;
    for (int32_t a = 0; a < VALUES; a++) {
        for (int32_t b = 0; b < VALUES; b++) {
            const int32_t sum = a_rescaled[a] + b_rescaled[b];
            const int32_t output = ek_rescale_twice(sum, p->multiplier, p->shift) + p->zero_point;
            const int64_t product = (a + LEAST) * a_slope + (b + LEAST) * b_slope;
            const int64_t floor = ek_clamp(output, LEAST, MOST) * one - product;
            if (output > LEAST && floor > *least)
                *least = floor;
            if (output < MOST && floor + one < *most)
                *most = floor + one;
        }
    }
}

static int32_t halfwords(int64_t low, int64_t high)
{
    return (int32_t)((uint32_t)(uint64_t)low & 0xffff) |
           (int32_t)((uint32_t)(uint64_t)high << 16);
}

int ek_pack_add_int8_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const AddRescaled *const p = (const AddRescaled *)params;
    const int32_t *const loops = tensors[2];
    const int64_t steepest = (int64_t)1 << (LOWER + 15), mask = ((int64_t)1 << LOWER) - 1;
    if (!loops || !fits(p, loops))
        return 0;
    int64_t a = 0, b = 0, least = 0, most = 0;
    for (int32_t i = 0; i < TRIES * TRIES && least >= most; i++) {
        const int32_t other = (i + TRIES * TRIES / 2) % (TRIES * TRIES); /* none first */
        a = slope(p, p->a_multiplier, p->a_shift) + other / TRIES - TRIES / 2;
        b = p->sign * slope(p, p->b_multiplier, p->b_shift) + other % TRIES - TRIES / 2;
        if (a >= steepest || b >= steepest || b < -steepest)
            return 0;
        bound_start(p, a, b, &least, &most);
    }
    if (least >= most)
        return 0;
    memcpy(packing->params, p, sizeof *p);
    packing->count = sizeof *p / sizeof(int32_t);
    packing->sizes[2] = sizeof(AddInt8Dsp);
    if (!packing->tensors[2])
        return 1;
    const int64_t start = least + (most - least) / 2;
    const AddInt8Dsp packed = {loops[EK_LOOPS - 2], loops[EK_LOOPS - 1],
                               loops[2 * EK_LOOPS - 2], loops[3 * EK_LOOPS - 2], halfwords(a >> LOWER, b >> LOWER),
                               halfwords(a & mask, b & mask), (int32_t)(start >> LOWER),
                               (int32_t)(start & mask)};
    memcpy(packing->tensors[2], &packed, sizeof packed);
    return 1;
}
