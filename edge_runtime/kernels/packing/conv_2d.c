/* Weights of int8 CONV_2D for the kernels of x86 and aarch64, in the form of conv_2d_bands.h. */
#include <string.h>

#include "bias.h"
#include "conv_2d_bands.h"
#include "rescaling.h"
#include "table.h"

/* The form that a level reads: outputs of a vector, bytes of a number in the band, and what is added
 * to the numbers there. Bytes are multiplied by four, in the lane of an output; int16 in pairs. */
typedef struct {
    size_t lanes, element;
    int32_t added;
} Form;

static const Form ZMM = {16, 1, 128}, YMM = {8, 1, 128}, PAIRS = {8, 2, 0}, NEON = {8, 1, 0};

/* A band of an image much smaller than its windows would take more memory than the image. */
static inline int fits(const Conv2D *p, size_t element)
{
    const size_t image = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    const EkBands bands = ek_bands(p, (int32_t)element);
    return p->channels == p->depth && ek_band_size(&bands, (int32_t)element) < 16 * image + (1 << 16);
}

static inline void put_offsets(const Conv2D *p, size_t element, int32_t *offsets)
{
    const EkBands bands = ek_bands(p, (int32_t)element);
    const int32_t run = ek_run(p), bytes = run * p->channels * (int32_t)element;
    for (int32_t i = 0; i < p->window_height; i++)
        for (int32_t j = 0; j < p->window_width; j += run) {
            const ptrdiff_t column = (ptrdiff_t)j * p->dilation_w * p->channels;
            const ptrdiff_t start = i * p->dilation_h * bands.pitch + column;
            for (int32_t k = 0; k < bytes; k += EK_CHUNK)
                *offsets++ = (int32_t)(start * (ptrdiff_t)element) + k;
        }
}

/* Writes the weights of a vector's lane, [chunks][EK_CHUNK bytes] that are "next" apart. */
static inline void put_lane(const Conv2D *p, size_t element, const int8_t *weights, size_t next,
                            char *to)
{
    const size_t run = (size_t)(ek_run(p) * p->channels), count = EK_CHUNK / element;
    const size_t runs = (size_t)(p->window_height * (p->window_width / ek_run(p)));
    for (size_t i = 0; i < runs; i++)
        for (size_t k = 0; k < run; k += count, to += next)
            for (size_t n = 0; n < count && k + n < run; n++) {
                const int16_t weight = weights[i * run + k + n];
                if (element == 1)
                    to[n] = (char)weight;
                else
                    memcpy(to + n * element, &weight, element);
            }
}

static inline Output output_of(const Conv2D *p, int32_t added, void *const *tensors, size_t o,
                               int twice)
{
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    const int8_t *const weights = (const int8_t *)tensors[1] + o * depth;
    const int32_t bias = ((const int32_t *)tensors[2])[o];
    Output output;
    int64_t size = 0;
    for (size_t k = 0; k < depth; k++)
        size += weights[k] < 0 ? -weights[k] : weights[k];
    output.bound = 255 * size + (bias < 0 ? -(int64_t)bias : bias);
    output.bias = ek_shifted_bias(bias, -added - p->input_zero_point, weights, depth);
    output.factor = ((const int32_t *)tensors[3])[o];
    output.shift = twice ? ((const int32_t *)tensors[4])[o] : 0;
    return output;
}

static inline int pack(Form form, int twice, const int32_t *params, void *const *tensors,
                       ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const size_t lanes = form.lanes, outputs = (size_t)p->outputs;
    for (int i = 1; i < 4 + twice; i++)
        if (!tensors[i])
            return 0;
    if (!fits(p, form.element))
        return 0;
    const size_t chunks = ek_chunks(p, form.element), vectors = (outputs + lanes - 1) / lanes;
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    const size_t weights = ek_weights_start(chunks, outputs, lanes);
    char *const packed = packing->tensors[1];
    packing->sizes[1] = weights + vectors * chunks * lanes * EK_CHUNK;
    if (!packed)
        return 1;
    int32_t mode = p->lowest >= p->output_zero_point ? EK_ABOVE : EK_EITHER;
    memset(packed, 0, packing->sizes[1]);
    put_offsets(p, form.element, (int32_t *)(void *)(packed + 64));
    for (size_t o = 0; o < outputs; o++)
        mode = mode_for(output_of(p, form.added, tensors, o, twice), mode);
    mode = twice ? mode : EK_FLOAT;
    memcpy(packed, &mode, sizeof mode);
    for (size_t o = 0; o < outputs; o++) {
        const size_t first = o / (2 * lanes) * 2, many = vectors - first > 1 ? 2 : 1;
        const size_t within = o % (2 * lanes);
        const size_t vector = ek_vector(within, many), lane = ek_lane(within, many);
        const size_t head = (first + vector) * EK_COLUMNS * lanes * 4;
        const Output output = output_of(p, form.added, tensors, o, twice);
        put_head(mode, output, p->output_zero_point, lanes, lane,
                 (int32_t *)(void *)(packed + ek_heads_start(chunks) + head));
        put_lane(p, form.element, (const int8_t *)tensors[1] + o * depth, many * lanes * EK_CHUNK,
                 packed + weights + (first * chunks * lanes + vector * lanes + lane) * EK_CHUNK);
    }
    return 1;
}

int ek_pack_conv_2d_int8_twice_avx512(const int32_t *params, void *const *tensors,
                                      ek_packing *packing)
{
    return pack(ZMM, 1, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_avx512(const int32_t *params, void *const *tensors,
                                      ek_packing *packing)
{
    return pack(ZMM, 0, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_avxvnni(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(YMM, 1, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_avxvnni(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(YMM, 0, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_avx2(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    return pack(PAIRS, 1, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_avx2(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    return pack(PAIRS, 0, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_dotprod(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(NEON, 1, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_dotprod(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(NEON, 0, params, tensors, packing);
}

static inline size_t scratch(const int32_t *params, int32_t element)
{
    const EkBands bands = ek_bands((const Conv2D *)params, element);
    return ek_band_size(&bands, element);
}

/* A band of bytes. */
size_t ek_scratch_conv_2d_bytes(const int32_t *params)
{
    return scratch(params, 1);
}

/* A band of int16. */
size_t ek_scratch_conv_2d_pairs(const int32_t *params)
{
    return scratch(params, 2);
}
