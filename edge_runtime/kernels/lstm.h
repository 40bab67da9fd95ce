/* What the kernels of UNIDIRECTIONAL_SEQUENCE_LSTM share. */
#ifndef EK_LSTM_H
#define EK_LSTM_H

#include <stdint.h>

/* Parameters of the kernels of float32. */
typedef struct {
    int32_t batches, times, inputs, cells, outputs, time_major;
    int32_t coupled, peephole, projection, layer_norm, projection_bias, asymmetric;
    float cell_clip, projection_clip;
} LstmFloat32;

/* Positions of tensors, those of the op's inputs, and of the first of several: of the four gates',
 * or of the three whose gates look at the cell. For an input that is left out stands another. */
enum { LSTM_WEIGHTS = 1 };
enum { LSTM_RECURRENT = 5 };
enum { LSTM_PEEPHOLES = 9 };
enum { LSTM_BIASES = 12 };
enum { LSTM_PROJECTION = 16 };
enum { LSTM_PROJECTION_BIAS = 17 };
enum { LSTM_OUTPUT_STATE = 18 };
enum { LSTM_CELL_STATE = 19 };
enum { LSTM_NORMS = 20 };
enum { LSTM_OPERANDS = 24 };

/* The gates, in the order of their tensors. */
enum { INPUT_GATE = 0 };
enum { FORGET_GATE = 1 };
enum { CELL_GATE = 2 };
enum { OUTPUT_GATE = 3 };
enum { GATES = 4 };

/* The gate's peephole weights, of which the cell gate has none. */
static inline int32_t ek_peephole(int32_t gate)
{
    return LSTM_PEEPHOLES + (gate == OUTPUT_GATE ? 2 : gate);
}

/* A matrix [rows][depth] times a vector, added to sums. */
typedef void ek_lstm_product(const float *, const float *, int32_t rows, int32_t depth, float *);

/* A function of each of some numbers; the output may be the input. */
typedef void ek_lstm_each(int32_t count, const float *input, float *output);

/* Where the vector of a time and a batch lies. */
static inline int32_t ek_lstm_row(int32_t batch, int32_t time, int32_t batches, int32_t times,
                                  int32_t time_major)
{
    return time_major ? time * batches + batch : batch * times + time;
}

#endif
