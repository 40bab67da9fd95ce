/* UNIDIRECTIONAL_SEQUENCE_LSTM of int8; the meaning is defined in lstm_int8.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "fixed_point.h"
#include "flash.h"
#include "gemmlowp.h"
#include "inverse_root.h"
#include "lstm.h"

typedef struct {
    int32_t batches, times, inputs, cells, outputs, time_major;
    int32_t coupled, peephole, projection, layer_norm;
    int32_t cell_bits, cell_clip, projection_clip, hidden_zero_point, state_zero_point;
} LstmInt8;

/* Constants, behind the op's inputs, and rows of the factors: see ops/lstm_int8.py. */
enum { LSTM_INT8_BIASES = 24 };
enum { LSTM_INT8_PROJECTION_BIAS = 25 };
enum { LSTM_INT8_FACTORS = 26 };
enum { LSTM_INT8_NORM_FACTORS = 27 };
enum { LSTM_INT8_OUTPUT = 28 };
enum { LSTM_INT8_SCRATCH = 29 };
enum { PEEPHOLE_FACTORS = 8 };
enum { HIDDEN_FACTOR = 12 };
enum { PROJECTION_FACTOR = 13 };

static inline int32_t scaled(int32_t value, const int32_t *factor)
{
    return ek_rescale_twice(value, ek_flash_int32(&factor[0]), ek_flash_int32(&factor[1]));
}

static inline int32_t dot(const int8_t *weights, const int8_t *vector, int32_t depth)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; k++)
        sum += vector[k] * ek_flash_int8(&weights[k]);
    return sum;
}

/* Adds a matrix [rows][depth] times a vector, scaled. */
static inline void add_product(const int8_t *matrix, const int8_t *vector, const int32_t *bias,
                               const int32_t *factor, int32_t rows, int32_t depth, int16_t *values)
{
    for (int32_t row = 0; row < rows; row++, matrix += depth) {
        const int32_t total = ek_add(dot(matrix, vector, depth), ek_flash_int32(&bias[row]));
        values[row] = (int16_t)ek_clamp16(ek_add(scaled(total, factor), values[row]));
    }
}

/* norm: the gate's coefficients; factor: multiplier, shift, least variance. */
static inline void normalise(int16_t *values, const int16_t *norm, const int32_t *bias,
                             const int32_t *factor, int32_t count)
{
    int64_t sum = 0, squares = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += values[i];
        squares += (int32_t)values[i] * values[i];
    }
    const int32_t unit = (int32_t)1 << 20, mean = (int32_t)(sum * 1024 / count);
    const int64_t spread = squares * (unit / count) - (int64_t)mean * mean;
    int32_t variance = (int32_t)(spread / unit);
    if (variance < 1)
        variance = ek_flash_int32(&factor[2]);
    const Inverse inverse = ek_inverse_root(variance);
    for (int32_t i = 0; i < count; i++) {
        const int32_t centred = values[i] * (int32_t)1024 - mean;
        const int32_t root = ek_rescale_twice(centred, inverse.multiplier, -inverse.right);
        const uint32_t weighted = (uint32_t)((int64_t)root * ek_flash_int16(&norm[i]));
        const int64_t total = ek_add((int32_t)weighted, ek_flash_int32(&bias[i]));
        const int32_t rounded = (int32_t)((total + (total > 0 ? 512 : -512)) / 1024);
        values[i] = (int16_t)ek_clamp16(scaled(rounded, factor));
    }
}

static inline void calculate_gate(const LstmInt8 *p, int32_t gate, void *const *tensors,
                                  const int8_t *input, const int8_t *previous,
                                  const int16_t *cell, int16_t *values)
{
    const int32_t cells = p->cells;
    const int32_t *bias = (const int32_t *)tensors[LSTM_INT8_BIASES] + (size_t)gate * (size_t)cells;
    const int32_t *factors = (const int32_t *)tensors[LSTM_INT8_FACTORS] + 2 * gate;
    const int8_t *weights = (const int8_t *)tensors[LSTM_WEIGHTS + gate];
    const int8_t *recurrent = (const int8_t *)tensors[LSTM_RECURRENT + gate];
    const int16_t *peephole = (const int16_t *)tensors[ek_peephole(gate)];

    memset(values, 0, sizeof *values * (size_t)cells);
    add_product(weights, input, bias, factors, cells, p->inputs, values);
    bias += (size_t)GATES * (size_t)cells;
    add_product(recurrent, previous, bias, factors + 2 * GATES, cells, p->outputs, values);
    if (p->peephole && gate != CELL_GATE)
        for (int32_t c = 0; c < cells; c++) {
            const int32_t product = (int32_t)ek_flash_int16(&peephole[c]) * cell[c];
            const int32_t moved = scaled(product, factors + 2 * PEEPHOLE_FACTORS);
            values[c] = (int16_t)ek_clamp16(ek_add(moved, values[c]));
        }
    if (p->layer_norm)
        normalise(values, (const int16_t *)tensors[LSTM_NORMS + gate],
                  (const int32_t *)tensors[LSTM_BIASES + gate],
                  (const int32_t *)tensors[LSTM_INT8_NORM_FACTORS] + 3 * gate, cells);
    for (int32_t c = 0; c < cells; c++)
        values[c] = (int16_t)(gate == CELL_GATE ? ek_tanh16(values[c], 3)
                                                : ek_logistic16(values[c], 3));
}

static inline int32_t clipped(int32_t value, int32_t clip)
{
    return clip ? ek_clamp(value, -clip, clip) : value;
}

/* cell = forget * cell + in * modulation */
static inline void update_cell(const LstmInt8 *p, int16_t *const *gates, int16_t *cell)
{
    const int16_t *forget = gates[FORGET_GATE], *modulation = gates[CELL_GATE];
    for (int32_t c = 0; c < p->cells; c++) {
        const int32_t in = p->coupled ? INT16_MAX - forget[c] : gates[INPUT_GATE][c];
        const int32_t kept = ek_rounding_shift((int32_t)forget[c] * cell[c], 15);
        const int32_t added = ek_rounding_shift(in * modulation[c], 15 + p->cell_bits);
        /* A product of two least numbers leaves int16. */
        const int32_t both = (int16_t)kept + (int32_t)(int16_t)added;
        cell[c] = (int16_t)clipped(ek_clamp16(both), p->cell_clip);
    }
}

/* Bytes of scratch memory: the gates and the hidden vector of one batch. */
size_t ek_lstm_int8_scratch(const int32_t *params)
{
    const LstmInt8 *p = (const LstmInt8 *)params;
    return (GATES * sizeof(int16_t) + 1) * (size_t)p->cells;
}

/* tensors: the op's inputs, constants, output int8, scratch int16 [GATES][cells], int8 [cells]. */
void ek_lstm_int8_twice(const int32_t *params, void *const *tensors)
{
    const LstmInt8 *p = (const LstmInt8 *)params;
    const size_t cells = (size_t)p->cells, outputs = (size_t)p->outputs;
    const int32_t *factors = (const int32_t *)tensors[LSTM_INT8_FACTORS];
    const int32_t *bias = (const int32_t *)tensors[LSTM_INT8_PROJECTION_BIAS];
    int16_t *gates[GATES];
    for (int32_t gate = 0; gate < GATES; gate++)
        gates[gate] = (int16_t *)tensors[LSTM_INT8_SCRATCH] + (size_t)gate * cells;
    int8_t *vector = (int8_t *)(gates[OUTPUT_GATE] + cells);

    for (int32_t batch = 0; batch < p->batches; batch++) {
        int8_t *state = (int8_t *)tensors[LSTM_OUTPUT_STATE] + (size_t)batch * outputs;
        int16_t *cell = (int16_t *)tensors[LSTM_CELL_STATE] + (size_t)batch * cells;
        for (int32_t time = 0; time < p->times; time++) {
            const size_t row =
                (size_t)ek_lstm_row(batch, time, p->batches, p->times, p->time_major);
            const int8_t *input = (const int8_t *)tensors[0] + row * (size_t)p->inputs;

            for (int32_t gate = INPUT_GATE + p->coupled; gate <= CELL_GATE; gate++)
                calculate_gate(p, gate, tensors, input, state, cell, gates[gate]);
            update_cell(p, gates, cell);
            calculate_gate(p, OUTPUT_GATE, tensors, input, state, cell, gates[OUTPUT_GATE]);

            int8_t *hidden = p->projection ? vector : state;
            const int32_t zero_point =
                p->projection ? -p->hidden_zero_point : p->hidden_zero_point;
            for (int32_t c = 0; c < p->cells; c++) {
                const int32_t product = gates[OUTPUT_GATE][c] * ek_tanh16(cell[c], p->cell_bits);
                const int32_t moved = scaled(product, factors + 2 * HIDDEN_FACTOR);
                hidden[c] = (int8_t)ek_clamp(ek_add(moved, zero_point), INT8_MIN, INT8_MAX);
            }
            const int8_t *projection = (const int8_t *)tensors[LSTM_PROJECTION];
            for (int32_t o = 0; p->projection && o < p->outputs; o++, projection += cells) {
                const int32_t sum = dot(projection, hidden, p->cells);
                const int32_t total = ek_add(sum, ek_flash_int32(&bias[o]));
                const int32_t moved =
                    ek_add(scaled(total, factors + 2 * PROJECTION_FACTOR), p->state_zero_point);
                state[o] = (int8_t)clipped(ek_clamp(moved, INT8_MIN, INT8_MAX), p->projection_clip);
            }
            memcpy((int8_t *)tensors[LSTM_INT8_OUTPUT] + row * outputs, state, outputs);
        }
    }
}
