/* Weights of int8 DEPTHWISE_CONV_2D for x86 and aarch64, in the form of depthwise_bands.h. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "depthwise_bands.h"
#include "rescaling.h"
#include "table.h"

/* The form that a level reads. */
typedef struct {
    int32_t lanes, element, added; /* as in packing/conv_2d.c */
    int32_t chunk;                 /* bytes of an output that are multiplied at once */
    int doubling;                  /* as in packing/conv_2d.c */
    int is_unsigned;               /* whether weights are uint8 */
    int32_t zero_point;            /* of these */
} Form;

static const Form ZMM = {16, 1, 128, 4, 0, 0, 0}, YMM = {8, 1, 128, 4, 0, 0, 0};
static const Form PAIRS = {8, 2, 0, 4, 0, 0, 0};
static const Form DOTPROD = {8, 1, 0, 4, 1, 0, 0}, NEON = {8, 2, 0, 2, 1, 0, 0};

static inline EkDepthwise layer_of(const DepthwiseInt8 *p, Form form)
{
    return ek_depthwise(p, form.lanes, form.element, form.chunk);
}

/* A weight, less the zero point of uint8. */
static inline int32_t weight_at(Form form, const int8_t *weights, size_t at)
{
    return form.is_unsigned ? (uint8_t)weights[at] - form.zero_point : weights[at];
}

/* Bytes of the band. */
static inline size_t band_size(const EkDepthwise *d, int32_t element)
{
    return ek_rounded(ek_band_size(&d->bands, element));
}

static inline size_t scratch(const int32_t *params, Form form)
{
    const EkDepthwise d = layer_of((const DepthwiseInt8 *)params, form);
    const size_t rows = form.chunk == form.element ? 1 : (size_t)d.groups; /* one to read beyond */
    return band_size(&d, form.element) + rows * ek_interleaved(&d) * (size_t)form.chunk;
}

/* A band of an image much smaller than its windows would take more memory than the image. */
static inline int fits(const DepthwiseInt8 *p, Form form)
{
    const size_t image = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    return scratch((const int32_t *)p, form) <
           64 * image * (size_t)p->multiplier + (1 << 16);
}

static Output output_of(const DepthwiseInt8 *p, Form form, void *const *tensors, size_t o,
                        int rounding)
{
    const size_t outputs = (size_t)p->channels * (size_t)p->multiplier;
    const size_t taps = (size_t)p->window_height * (size_t)p->window_width;
    const int8_t *const weights = tensors[1];
    int64_t size = 0, sum = 0;
    for (size_t tap = 0; tap < taps; tap++) {
        const int32_t weight = weight_at(form, weights, tap * outputs + o);
        size += weight < 0 ? -weight : weight;
        sum += weight;
    }
    return output_for(sum, size, form.added + p->input_zero_point, tensors, o, rounding);
}

/* Writes the weights of an output, as of a vector's lane, for windows that begin at a row. */
static void put_lane(const DepthwiseInt8 *p, const EkDepthwise *d, Form form,
                     const int8_t *weights, int32_t row, char *to)
{
    const size_t outputs = (size_t)p->channels * (size_t)p->multiplier;
    const int32_t taps = form.chunk / form.element;
    for (int32_t i = row; i < row + p->window_height; i++)
        for (int32_t j = 0; j < d->columns; j++, weights += outputs) {
            const int32_t chunk = i / taps * d->columns + j;
            char *const at = to + chunk * form.lanes * form.chunk + i % taps * form.element;
            const int16_t weight = (int16_t)weight_at(form, weights, 0);
            if (form.element == 1)
                *at = (char)weight;
            else
                memcpy(at, &weight, sizeof weight);
        }
}

static int pack(Form form, int rounding, const int32_t *params, void *const *tensors,
                ek_packing *packing)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    const size_t outputs = (size_t)p->channels * (size_t)p->multiplier;
    const size_t lanes = (size_t)form.lanes, chunk = (size_t)form.chunk;
    const int doubling = form.doubling && rounding == TWICE;
    for (int i = 1; i < 4 + (rounding == TWICE); i++)
        if (!tensors[i])
            return 0;
    if (!fits(p, form) || (doubling && saturates(tensors[3], outputs)))
        return 0;
    const EkDepthwise d = layer_of(p, form);
    const size_t vectors = ((size_t)d.outputs + lanes - 1) / lanes;
    const size_t chunks = (size_t)d.groups * (size_t)d.columns;
    const size_t block = vectors * chunks * lanes * chunk;
    char *const packed = packing->tensors[1];
    packing->sizes[1] = ek_depthwise_weights_start(&d, lanes) + (size_t)d.served * block;
    if (!packed)
        return 1;
    const int32_t flip = form.is_unsigned ? 128 : 0;
    int32_t mode = p->lowest + flip >= p->output_zero_point ? EK_ABOVE : EK_EITHER;
    memset(packed, 0, packing->sizes[1]);
    for (size_t o = 0; o < outputs; o++)
        mode = mode_for(output_of(p, form, tensors, o, rounding), mode, EK_TWICE);
    mode = mode_of(rounding, mode);
    const int32_t start[] = {mode, 0, flip};
    memcpy(packed, start, sizeof start);
    for (size_t n = 0; n < (size_t)d.outputs; n++) {
        const size_t o = n % outputs, vector = n / lanes, lane = n % lanes;
        char *const head = packed + 64 + vector * EK_COLUMNS * lanes * 4;
        char *const to = packed + ek_depthwise_weights_start(&d, lanes) +
                         (vector * chunks * lanes + lane) * chunk;
        put_head(doubling ? EK_TWICE : mode, rounding, output_of(p, form, tensors, o, rounding),
                 p->output_zero_point, lanes, lane, (int32_t *)(void *)head);
        for (int32_t i = 0; i < d.served; i++)
            put_lane(p, &d, form, (const int8_t *)tensors[1] + o, i * p->stride_h,
                     to + (size_t)i * block);
    }
    return 1;
}

int ek_pack_dw_twice_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(ZMM, TWICE, params, tensors, packing);
}

int ek_pack_dw_float_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(ZMM, FLOAT, params, tensors, packing);
}

int ek_pack_dw_twice_avxvnni(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(YMM, TWICE, params, tensors, packing);
}

int ek_pack_dw_float_avxvnni(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(YMM, FLOAT, params, tensors, packing);
}

int ek_pack_dw_twice_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(PAIRS, TWICE, params, tensors, packing);
}

int ek_pack_dw_float_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(PAIRS, FLOAT, params, tensors, packing);
}

int ek_pack_dw_twice_dotprod(const int32_t *params, void *const *tensors,
                             ek_packing *packing)
{
    return pack(DOTPROD, TWICE, params, tensors, packing);
}

int ek_pack_dw_float_dotprod(const int32_t *params, void *const *tensors,
                             ek_packing *packing)
{
    return pack(DOTPROD, FLOAT, params, tensors, packing);
}

int ek_pack_dw_twice_neon(const int32_t *params, void *const *tensors,
                          ek_packing *packing)
{
    return pack(NEON, TWICE, params, tensors, packing);
}

int ek_pack_dw_float_neon(const int32_t *params, void *const *tensors,
                          ek_packing *packing)
{
    return pack(NEON, FLOAT, params, tensors, packing);
}

/* With the parameters of int8, whose bounds are the bits of the kernel's. */
static int pack_hybrid(Form form, const int32_t *params, void *const *tensors, ek_packing *packing)
{
    enum { BEFORE = 15 }; /* the bounds; and the zero points of int8, which are 0 */
    memcpy(packing->params, params, BEFORE * sizeof *params);
    memset(packing->params + BEFORE, 0, 2 * sizeof *params);
    memcpy(packing->params + BEFORE + 2, params + BEFORE, 2 * sizeof *params);
    packing->count = BEFORE + 4;
    return pack(form, HYBRID, packing->params, tensors, packing);
}

int ek_pack_dw_hybrid_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_hybrid(ZMM, params, tensors, packing);
}

int ek_pack_dw_hybrid_avxvnni(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_hybrid(YMM, params, tensors, packing);
}

int ek_pack_dw_hybrid_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_hybrid(PAIRS, params, tensors, packing);
}

/* As int8, which the bytes are flipped to: the zero point of the input and the bounds move. */
int ek_pack_dw_uint8_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    enum { BEFORE = 15 }; /* the zero points of input, weights and output, and the bounds */
    const Form form = {8, 2, 0, 4, 0, 1, params[BEFORE + 1]};
    const int32_t behind[] = {params[BEFORE] - 128, params[BEFORE + 2], params[BEFORE + 3] - 128,
                              params[BEFORE + 4] - 128};
    memcpy(packing->params, params, BEFORE * sizeof *params);
    memcpy(packing->params + BEFORE, behind, sizeof behind);
    packing->count = BEFORE + sizeof behind / sizeof *behind;
    return pack(form, TWICE, packing->params, tensors, packing);
}

size_t ek_scratch_dw_avx512(const int32_t *params)
{
    return scratch(params, ZMM);
}

size_t ek_scratch_dw_avxvnni(const int32_t *params)
{
    return scratch(params, YMM);
}

size_t ek_scratch_dw_avx2(const int32_t *params)
{
    return scratch(params, PAIRS);
}

size_t ek_scratch_dw_dotprod(const int32_t *params)
{
    return scratch(params, DOTPROD);
}

size_t ek_scratch_dw_neon(const int32_t *params)
{
    return scratch(params, NEON);
}

/* An image in bytes comes before. */
static inline size_t hybrid_scratch(const int32_t *params, Form form)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    return ek_rounded((size_t)p->height * (size_t)p->width * (size_t)p->channels) +
           scratch(params, form);
}

size_t ek_scratch_dw_hybrid_avx512(const int32_t *params)
{
    return hybrid_scratch(params, ZMM);
}

size_t ek_scratch_dw_hybrid_avxvnni(const int32_t *params)
{
    return hybrid_scratch(params, YMM);
}

size_t ek_scratch_dw_hybrid_avx2(const int32_t *params)
{
    return hybrid_scratch(params, PAIRS);
}
