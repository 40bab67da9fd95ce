/* Weights of int8 CONV_2D for the kernels of x86 and aarch64, in the form of conv_2d_bands.h. */
#include <string.h>

#include "bias.h"
#include "conv_2d_bands.h"
#include "rescaling.h"
#include "table.h"

/* The form that a level reads. Bytes are multiplied by four, in the lane of an output; int16 in pairs.
 * NEON multiplies pairs of bytes, and adds two products in 16 bits; SMMLA multiplies eight bytes. */
typedef struct {
    size_t lanes, element; /* outputs of a vector, bytes of a number in the band */
    int32_t added;         /* to the numbers there */
    size_t together, part; /* bytes of an output that are multiplied at once, and lie side by side */
    int32_t doubling;      /* whether the numbers of EK_TWICE serve all modes: there is SQRDMULH */
} Form;

static const Form ZMM = {16, 1, 128, 4, 4, 0}, YMM = {8, 1, 128, 4, 4, 0}, PAIRS = {8, 2, 0, 4, 4, 0};
static const Form NEON = {8, 1, 0, 4, 2, 1}, DOTPROD = {8, 1, 0, 4, 4, 1}, I8MM = {8, 1, 0, 8, 8, 1};

/* Numbers of a run of a window, the bytes of its chunks, and how many runs a window has. */
static inline size_t run_of(const Conv2D *p)
{
    return (size_t)(ek_run(p) * p->channels);
}

static inline size_t run_size(const Conv2D *p, Form form)
{
    return (run_of(p) * form.element + form.together - 1) / form.together * form.together;
}

static inline size_t runs_of(const Conv2D *p)
{
    return (size_t)(p->window_height * (p->window_width / ek_run(p)));
}

/* A band of an image much smaller than its windows would take more memory than the image. */
static inline int fits(const Conv2D *p, size_t element)
{
    const size_t image = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    const EkBands bands = ek_bands(p, (int32_t)element);
    return p->channels == p->depth && ek_band_size(&bands, (int32_t)element) < 16 * image + (1 << 16);
}

static inline void put_offsets(const Conv2D *p, Form form, int32_t *offsets)
{
    const EkBands bands = ek_bands(p, (int32_t)form.element);
    const int32_t run = ek_run(p), bytes = (int32_t)run_size(p, form);
    for (int32_t i = 0; i < p->window_height; i++)
        for (int32_t j = 0; j < p->window_width; j += run) {
            const ptrdiff_t column = (ptrdiff_t)j * p->dilation_w * p->channels;
            const ptrdiff_t start = i * p->dilation_h * bands.pitch + column;
            for (int32_t k = 0; k < bytes; k += EK_CHUNK)
                *offsets++ = (int32_t)(start * (ptrdiff_t)form.element) + k;
        }
}

/* Whether two products that NEON adds in 16 bits could leave them: 2 * -128 * -128 does. */
static inline int overflows(const Conv2D *p, const int8_t *weights)
{
    const size_t run = run_of(p), all = runs_of(p) * (size_t)p->outputs;
    for (size_t i = 0; i < all; i++, weights += run)
        for (size_t k = 0; k + 2 < run; k++)
            if (k % 4 < 2 && weights[k] == -128 && weights[k + 2] == -128)
                return 1;
    return 0;
}

/* Weights for a window whose chunks are multiplied once, or twice, with -127 at least and the rest. */
static inline int16_t part_of(int8_t weight, int32_t times, int32_t time)
{
    const int8_t first = times == 2 && weight == -128 ? -127 : weight;
    return time == 0 ? first : (int16_t)(weight - first);
}

/* Writes the weights of a vector's lane, in chunks that are "next" apart. */
static inline void put_lane(const Conv2D *p, Form form, const int8_t *weights, int32_t times,
                            size_t next, char *to)
{
    const size_t run = run_of(p), runs = runs_of(p), count = form.together / form.element;
    for (size_t i = 0; i < (size_t)times * runs; i++)
        for (size_t k = 0; k < run; k += count, to += next)
            for (size_t n = 0; n < count && k + n < run; n++) {
                const int8_t whole = weights[i % runs * run + k + n];
                const int16_t weight = part_of(whole, times, i >= runs);
                const size_t at = n * form.element;
                char *const place = to + at / form.part * form.lanes * form.part + at % form.part;
                if (form.element == 1)
                    *place = (char)weight;
                else
                    memcpy(place, &weight, sizeof weight);
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

static inline void put_start(int32_t mode, size_t chunks, char *packed)
{
    const int32_t start[] = {mode, (int32_t)chunks};
    memcpy(packed, start, sizeof start);
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
    if (form.doubling && twice && saturates(tensors[3], outputs))
        return 0;
    const int32_t times = form.part == 2 && overflows(p, tensors[1]) ? 2 : 1;
    const size_t once = runs_of(p) * run_size(p, form) / EK_CHUNK, chunks = (size_t)times * once;
    const size_t vectors = (outputs + lanes - 1) / lanes;
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    const size_t weights = ek_weights_start(chunks, outputs, lanes);
    char *const packed = packing->tensors[1];
    packing->sizes[1] = weights + vectors * chunks * lanes * EK_CHUNK;
    if (!packed)
        return 1;
    int32_t mode = p->lowest >= p->output_zero_point ? EK_ABOVE : EK_EITHER;
    memset(packed, 0, packing->sizes[1]);
    for (int32_t i = 0; i < times; i++)
        put_offsets(p, form, (int32_t *)(void *)(packed + 64) + (size_t)i * once);
    for (size_t o = 0; o < outputs; o++)
        mode = mode_for(output_of(p, form.added, tensors, o, twice), mode);
    mode = twice ? mode : EK_FLOAT;
    put_start(mode, chunks, packed);
    for (size_t o = 0; o < outputs; o++) {
        const size_t first = o / (2 * lanes) * 2, many = vectors - first > 1 ? 2 : 1;
        const size_t within = o % (2 * lanes);
        const size_t vector = ek_vector(within, many), lane = ek_lane(within, many);
        const size_t head = (first + vector) * EK_COLUMNS * lanes * 4;
        const Output output = output_of(p, form.added, tensors, o, twice);
        put_head(form.doubling && twice ? EK_TWICE : mode, output, p->output_zero_point, lanes, lane,
                 (int32_t *)(void *)(packed + ek_heads_start(chunks) + head));
        put_lane(p, form, (const int8_t *)tensors[1] + o * depth, times,
                 many * lanes * form.together,
                 packed + weights + first * chunks * lanes * EK_CHUNK +
                     vector * lanes * form.together + lane * form.part);
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

int ek_pack_conv_2d_int8_twice_i8mm(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(I8MM, 1, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_i8mm(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(I8MM, 0, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_dotprod(const int32_t *params, void *const *tensors,
                                          ek_packing *packing)
{
    return pack(DOTPROD, 1, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_dotprod(const int32_t *params, void *const *tensors,
                                          ek_packing *packing)
{
    return pack(DOTPROD, 0, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_neon(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(NEON, 1, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_neon(const int32_t *params, void *const *tensors,
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
