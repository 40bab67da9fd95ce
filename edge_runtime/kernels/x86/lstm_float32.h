/* UNIDIRECTIONAL_SEQUENCE_LSTM of float32 in vectors; the same bytes as the portable kernel. The
 * file that includes this defines TARGET, LANES, Vector and SPLAT, EACH, half the partial sums that
 * the registers hold, and LEVEL(name), the name of a kernel of its level.
 *
 * Each lane is an output. Blocks of 16 are packed by packing/lstm_float32.c. */
#include <string.h>

#include "table.h"

#define UNROLL _Pragma("GCC unroll 16")

/* Outputs of a block, and the partial sums of a dot product, see dense_float32.h. */
enum { WIDTH = 16, PARTS = 16 };

/* ek_add_product, of a packed matrix. */
TARGET static void add_product(const float *matrix, const float *vector, int32_t rows,
                               int32_t depth, float *results)
{
    for (int32_t row = 0; row < rows; row += LANES) {
        Vector eights[PARTS / 2];
        /* Some partial sums at a time, and those that are added to them. */
        for (int32_t part = 0; part < PARTS / 2; part += EACH) {
            const float *weights =
                matrix + (ptrdiff_t)(row / WIDTH) * depth * WIDTH + row % WIDTH + part * WIDTH;
            const float *x = vector + part;
            Vector sums[2 * EACH] = {{0}};
            int32_t left = depth - part;
            for (; left >= PARTS - part; left -= PARTS, x += PARTS, weights += PARTS * WIDTH) {
                UNROLL
                for (int32_t i = 0; i < 2 * EACH; i++) {
                    const int32_t k = i % EACH + i / EACH * PARTS / 2;
                    Vector w;
                    memcpy(&w, weights + k * WIDTH, sizeof w);
                    sums[i] += SPLAT(x[k]) * w;
                }
            }
            UNROLL
            for (int32_t i = 0; i < 2 * EACH; i++) {
                const int32_t k = i % EACH + i / EACH * PARTS / 2;
                Vector w;
                if (k >= left)
                    continue;
                memcpy(&w, weights + k * WIDTH, sizeof w);
                sums[i] += SPLAT(x[k]) * w;
            }
            UNROLL
            for (int32_t i = 0; i < EACH; i++)
                eights[part + i] = sums[i] + sums[EACH + i];
        }
        UNROLL
        for (int32_t half = PARTS / 4; half; half /= 2) {
            UNROLL
            for (int32_t i = 0; i < half; i++)
                eights[i] += eights[i + half];
        }
        float products[LANES];
        memcpy(products, eights, sizeof products);
        for (int32_t i = 0; i < LANES && row + i < rows; i++)
            results[row + i] = products[i] + results[row + i];
    }
}

static void tanhs(int32_t count, const float *input, float *output)
{
    void *const tensors[] = {(void *)(uintptr_t)input, output};
    LEVEL(tanh_float32)(&count, tensors);
}

static void logistics(int32_t count, const float *input, float *output)
{
    const int32_t minus_infinity = (int32_t)0xff800000, params[] = {count, minus_infinity};
    void *const tensors[] = {(void *)(uintptr_t)input, output};
    LEVEL(logistic_float32)(params, tensors);
}

void LEVEL(lstm_float32)(const int32_t *params, void *const *tensors)
{
    ek_run_lstm(params, tensors, 0, add_product, tanhs, logistics);
}
