/* SOFTMAX of int8 and uint8 that calculates the exponentials of softmax_int8.c's table, which takes
 * a kilobyte, wherever it needs one; packing/softmax.c says for which rows. */
#define EK_SMALL
#include "kernel.h"

#include "softmax_int8.h"

typedef struct {
    int32_t rows, depth, multiplier, shift, radius;
} Computed;

/* e^x with 31 fractional bits, for x with 26 from -31 to 0: gemmlowp's exp_on_negative_values, of
 * which _exponential in ops/softmax_tables.py has the steps. */
static int32_t ek_exponential31(int32_t x)
{
    /* e^-1/4, e^-1/2, e^-1, e^-2, e^-4, e^-8, e^-16 */
    static const int32_t FACTORS[] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535, 720401, 242};
    const int32_t quarter = (int32_t)1 << 24, centre = 1895147668, third = 715827883;
    const int32_t part = (x & (quarter - 1)) - quarter, rest = part - x;
    const int32_t around = part * 32 + ((int32_t)1 << 28);
    const int32_t square = ek_product(around, around);
    const int32_t fourth = (ek_product(square, square) + 2) >> 2;
    const int32_t cubic = ek_product(fourth + ek_product(square, around), third);
    int32_t result = centre + ek_product(centre, around + ((cubic + square + 1) >> 1));
    for (int32_t i = 0; i < 7; i++)
        if (rest >> (24 + i) & 1)
            result = ek_product(result, FACTORS[i]);
    return x ? result : INT32_MAX;
}

/* The exponential of a number that is as far below the largest one of its row. */
static int32_t power_of(const Computed *p, int32_t below)
{
    return below > p->radius ? 0
                             : ek_exponential31(ek_product(-below * ((int32_t)1 << p->shift), p->multiplier));
}

static void softmax(const int32_t *params, void *const *tensors, int32_t flip)
{
    const Computed *const p = (const Computed *)params;
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[2];
    for (int32_t row = 0; row < p->rows; row++, input += p->depth, output += p->depth) {
        const int32_t largest = ek_largest_int8(input, p->depth, flip);
        uint32_t total = 0;
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t power = power_of(p, largest - ek_number(input[i], flip));
            total += (uint32_t)ek_rounding_shift(power, 12);
        }
        const EkShare share = ek_share_of(total, 8);
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t power = power_of(p, largest - ek_number(input[i], flip));
            output[i] = (int8_t)((ek_scaled(share, power, 255) - 128) ^ flip);
        }
    }
}

/* tensors: input int8 [rows][depth], one that is not read, output int8 [rows][depth]. */
void ek_softmax_int8_twice_computed(const int32_t *params, void *const *tensors)
{
    softmax(params, tensors, 0);
}

/* tensors: input uint8 [rows][depth], one that is not read, output uint8 [rows][depth]. */
void ek_softmax_uint8_twice_computed(const int32_t *params, void *const *tensors)
{
    softmax(params, tensors, -128);
}
