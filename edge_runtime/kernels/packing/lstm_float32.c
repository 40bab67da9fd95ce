/* Matrices of UNIDIRECTIONAL_SEQUENCE_LSTM of float32 for x86: blocks of 16 outputs [depth][16],
 * padded with zeros. */
#define EK_SMALL
#include <string.h>

#include "kernel.h"

#include "table.h"

enum { WIDTH = 16 };

/* Returns 0 where it is not constant. */
static int put_blocks(void *const *tensors, ek_packing *packing, int32_t position, int32_t rows,
                      int32_t depth)
{
    const float *const matrix = tensors[position];
    float *packed = packing->tensors[position];
    if (!matrix)
        return 0;
    const int32_t blocks = (rows + WIDTH - 1) / WIDTH;
    const size_t size = (size_t)blocks * (size_t)depth * WIDTH * sizeof *packed;
    packing->sizes[position] = size;
    if (!packed)
        return 1;
    memset(packed, 0, size);
    for (int32_t row = 0; row < rows; row++)
        for (int32_t k = 0; k < depth; k++)
            packed[((ptrdiff_t)(row / WIDTH) * depth + k) * WIDTH + row % WIDTH] =
                matrix[(ptrdiff_t)row * depth + k];
    return 1;
}

int ek_pack_lstm_float32(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    LstmFloat32 p;
    memcpy(&p, params, sizeof p);
    for (int32_t gate = INPUT_GATE + p.coupled; gate < GATES; gate++)
        if (!put_blocks(tensors, packing, LSTM_WEIGHTS + gate, p.cells, p.inputs) ||
            !put_blocks(tensors, packing, LSTM_RECURRENT + gate, p.cells, p.outputs))
            return 0;
    return !p.projection || put_blocks(tensors, packing, LSTM_PROJECTION, p.outputs, p.cells);
}
