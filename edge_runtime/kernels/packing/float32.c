/* float32 weights for the kernels of x86 and aarch64. A block of those of CONV_2D and
 * FULLY_CONNECTED is the bias of 16 outputs and their weights [depth][16], padded with zeros. */
#include <string.h>

#include "conv_2d_float32.h"
#include "depthwise_conv_2d_float32.h"
#include "float_bits.h"
#include "fully_connected.h"
#include "table.h"

enum { WIDTH = 16, MOST_SCRATCH = 1 << 22 }; /* floats; a large image has a tenth */

typedef struct {
    const float *weights, *bias; /* [outputs][depth], [outputs] */
    size_t outputs, depth;
} Matrix;

static inline size_t packed_size(size_t outputs, size_t depth)
{
    return (outputs + WIDTH - 1) / WIDTH * (depth + 1) * WIDTH * sizeof(float);
}

/* Returns what follows. */
static inline float *put_blocks(Matrix m, float *packed)
{
    memset(packed, 0, packed_size(m.outputs, m.depth));
    for (size_t o = 0; o < m.outputs; o += WIDTH) {
        const size_t wide = m.outputs - o < WIDTH ? m.outputs - o : WIDTH;
        memcpy(packed, m.bias + o, wide * sizeof *packed);
        packed += WIDTH;
        for (size_t k = 0; k < m.depth; k++, packed += WIDTH)
            for (size_t i = 0; i < wide; i++)
                packed[i] = m.weights[(o + i) * m.depth + k];
    }
    return packed;
}

static inline int rows_are_too_large(const EkWindow *window)
{
    return ek_ring_rows(window) > MOST_SCRATCH || ek_row_size(window) > MOST_SCRATCH ||
           ek_rows_scratch(window) > MOST_SCRATCH;
}

/* Whether zeros around an image change no output: their products with weights have to be zeros, and
 * only a bias of -0.0 would show the sign of a sum that is zero. */
static inline int pads_are_nothing(const float *weights, size_t count, const float *bias,
                                   size_t outputs)
{
    for (size_t i = 0; i < count; i++)
        if ((ek_bits(weights[i]) & 0x7f800000) == 0x7f800000)
            return 0;
    for (size_t i = 0; i < outputs; i++)
        if (ek_bits(bias[i]) == 0x80000000)
            return 0;
    return 1;
}

int ek_pack_gemm_float32(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const size_t depth = (size_t)layer.depth, outputs = (size_t)layer.outputs;
    const Matrix matrix = {tensors[1], tensors[2], outputs, depth};
    if (!matrix.weights || !matrix.bias)
        return 0;
    packing->sizes[1] = packed_size(outputs, depth);
    if (packing->tensors[1])
        put_blocks(matrix, packing->tensors[1]);
    return 1;
}

/* Outputs of a group follow those of another. */
int ek_pack_conv_2d_float32(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const EkWindow window = ek_conv_window(p);
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    const size_t groups = (size_t)(p->channels / p->depth), outputs = (size_t)p->outputs;
    Matrix group = {tensors[1], tensors[2], outputs / groups, depth};
    float *packed = packing->tensors[1];
    if (!group.weights || !group.bias || rows_are_too_large(&window))
        return 0;
    if (!pads_are_nothing(group.weights, depth * outputs, group.bias, outputs))
        return 0;
    packing->sizes[1] = groups * packed_size(group.outputs, depth);
    for (size_t i = 0; packed && i < groups; i++) {
        packed = put_blocks(group, packed);
        group.weights += group.outputs * depth;
        group.bias += group.outputs;
    }
    return 1;
}

/* With no more than 8 outputs of a group, vectors of 8 are faster. */
int ek_pack_conv_2d_float32_16(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    return p->outputs / (p->channels / p->depth) > WIDTH / 2 && ek_pack_conv_2d_float32(params, tensors, packing);
}

/* Rows of the image, and the runs of a window. */
size_t ek_scratch_conv_float32(const int32_t *params)
{
    const Conv2D *const p = (const Conv2D *)params;
    const EkWindow window = ek_conv_window(p);
    return (size_t)ek_conv_runs(p, &window) * sizeof(float *) +
           ek_rows_scratch(&window) * sizeof(float);
}

int ek_pack_depthwise_float32(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    DepthwiseFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const EkWindow window = ek_depthwise_window(&layer);
    const size_t taps = (size_t)layer.window_height * (size_t)layer.window_width;
    const size_t outputs = (size_t)layer.channels * (size_t)layer.multiplier;
    const size_t pitch = (size_t)ek_depthwise_pitch(&layer);
    const float *const weights = tensors[1], *const bias = tensors[2];
    float *const packed = packing->tensors[1];
    if (!weights || !bias || rows_are_too_large(&window))
        return 0;
    if (!pads_are_nothing(weights, taps * outputs, bias, outputs))
        return 0;
    packing->sizes[1] = (taps + 1) * pitch * sizeof *packed;
    if (!packed)
        return 1;
    memset(packed, 0, packing->sizes[1]);
    memcpy(packed, bias, outputs * sizeof *packed);
    for (size_t i = 0; i < taps; i++)
        memcpy(packed + (i + 1) * pitch, weights + i * outputs, outputs * sizeof *packed);
    return 1;
}

/* Vectors of 16 outputs. */
int ek_pack_depthwise_float32_16(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    DepthwiseFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    return layer.channels * layer.multiplier >= WIDTH &&
           ek_pack_depthwise_float32(params, tensors, packing);
}

/* Rows of the image, and which of them are those of a window. */
size_t ek_scratch_depthwise(const int32_t *params)
{
    DepthwiseFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const EkWindow window = ek_depthwise_window(&layer);
    return (size_t)window.window_height * sizeof(float *) +
           ek_rows_scratch(&window) * sizeof(float);
}
