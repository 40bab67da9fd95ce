/* SOFTMAX of float32 with AVX2; the same bytes as the portable kernel.
 *
 * Some rows are calculated together, one after another in scratch memory, so that short rows fill
 * vectors, too. A sum in another order is off by less than a unit of the last place for each of its
 * numbers: see exponential.h for what becomes of that. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#define LANES 4

#include "exponential.h"
#include "float_bits.h"
#include "softmax_float32.h"

enum { ROOM_OF_POWERS = 9 };

/* The largest, and of NaN and a number the number. */
SHARED float largest_of(const float *input, int32_t depth)
{
    float largest = -3.402823466e38f; /* the least finite float */
    Floats most = largest - (Floats){0};
    int32_t i = 0;
    for (; i + LANES <= depth; i += LANES) {
        Floats x;
        memcpy(&x, input + i, sizeof x);
        most = LARGER_FLOATS(x, most);
    }
    for (int32_t lane = 0; lane < LANES; lane++)
        largest = most[lane] > largest ? most[lane] : largest;
    for (; i < depth; i++)
        largest = input[i] > largest ? input[i] : largest;
    return largest;
}

SHARED void differences(const float *input, int32_t count, float largest, double beta,
                        double *output)
{
    for (int32_t i = 0; i < count; i++)
        output[i] = ((double)input[i] - (double)largest) * beta;
}

/* exp of so many numbers, and of some behind them that fill a vector; exact where it is rounded. */
SHARED void exponentials(const double *numbers, int32_t count, double *powers, float *output)
{
    for (int32_t i = 0; i < count; i += LANES) {
        Doubles x;
        memcpy(&x, numbers + i, sizeof x);
        const Power p = power_of(x);
        Doubles power = FUSED(p.scale, p.rest, p.scale);
        if (__builtin_expect(uncertain(power, ROOM_OF_POWERS), 0))
            power = exp_of(x);
        const Floats rounded = floats_of(power);
        memcpy(powers + i, &power, sizeof power);
        if (count - i >= LANES)
            memcpy(output + i, &rounded, sizeof rounded);
        else
            memcpy(output + i, &rounded, (size_t)(count - i) * sizeof *output);
    }
}

SHARED double sum_of(const double *powers, int32_t depth)
{
    Doubles sums = {0};
    double total = 0;
    int32_t i = 0;
    for (; i + LANES <= depth; i += LANES) {
        Doubles x;
        memcpy(&x, powers + i, sizeof x);
        sums += x;
    }
    for (int32_t lane = 0; lane < LANES; lane++)
        total += sums[lane];
    for (; i < depth; i++)
        total += powers[i];
    return total;
}

/* The sum of a row's exponentials as the portable kernel adds them. */
SHARED double exact_sum(const double *numbers, int32_t depth)
{
    double total = 0;
    for (int32_t i = 0; i < depth; i += LANES) {
        Doubles x = {0};
        const int32_t left = depth - i < LANES ? depth - i : LANES;
        memcpy(&x, numbers + i, (size_t)left * sizeof *numbers);
        x = exp_of(x);
        for (int32_t lane = 0; lane < left; lane++)
            total += x[lane];
    }
    return total;
}

/* Divides so many exponentials of rows by the sums of their rows. */
SHARED void divide(float *output, int32_t count, int32_t depth, const double *inverses,
                   const double *numbers, int room)
{
    int32_t row = -1; /* whose sum is known */
    double total = 0;
    for (int32_t i = 0; i < count; i += LANES) {
        const int32_t left = count - i < LANES ? count - i : LANES;
        Floats x = {0};
        Doubles inverse;
        memcpy(&inverse, inverses + i, sizeof inverse);
        if (left == LANES)
            memcpy(&x, output + i, sizeof x);
        else
            memcpy(&x, output + i, (size_t)left * sizeof *output);
        const Doubles quotient = doubles_of(x) * inverse;
        if (__builtin_expect(uncertain(quotient, room), 0)) {
            for (int32_t lane = 0; lane < left; lane++) {
                if ((i + lane) / depth != row) {
                    row = (i + lane) / depth;
                    total = exact_sum(numbers + (ptrdiff_t)row * depth, depth);
                }
                output[i + lane] = (float)((double)x[lane] / total);
            }
            continue;
        }
        x = floats_of(quotient);
        if (left == LANES)
            memcpy(output + i, &x, sizeof x);
        else
            memcpy(output + i, &x, (size_t)left * sizeof *output);
    }
}

/* tensors: input float [rows][depth], output float [rows][depth], scratch. */
TARGET void ek_softmax_float32_avx2(const int32_t *params, void *const *tensors)
{
    const SoftmaxFloat32 p = *(const SoftmaxFloat32 *)params;
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    const double beta = (double)ek_float(&p.beta);
    const int32_t together = p.depth < EK_SOFTMAX_BLOCK ? EK_SOFTMAX_BLOCK / p.depth : 1;
    const int32_t most = together * p.depth;
    double *numbers = (double *)tensors[2], *powers = numbers + most + LANES;
    int room = ROOM_OF_POWERS + 1;
    while (room < 28 && 1 << room < 2 * p.depth + (2 << ROOM_OF_POWERS))
        room++;

    for (int32_t row = 0; row < p.rows; row += together) {
        const int32_t rows = p.rows - row < together ? p.rows - row : together;
        const int32_t count = rows * p.depth;
        for (int32_t i = 0; i < count; i += p.depth)
            differences(input + i, p.depth, largest_of(input + i, p.depth), beta, numbers + i);
        memset(numbers + count, 0, LANES * sizeof *numbers);
        exponentials(numbers, count, powers, output);
        for (int32_t i = 0; i < count; i += p.depth) {
            const double inverse = 1 / sum_of(powers + i, p.depth);
            for (int32_t k = 0; k < p.depth; k++)
                powers[i + k] = inverse;
        }
        divide(output, count, p.depth, powers, numbers, room);
        input += count;
        output += count;
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
