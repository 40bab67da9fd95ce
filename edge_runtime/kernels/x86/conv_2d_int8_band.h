/* CONV_2D of int8, band by band: what comes before and after band_outputs(), which the file that
 * includes this defines, with KERNEL(rounding) and what int8_zmm.h defines. */
#include "conv_2d_bands.h"

/* Whether so many rows are read from the image, where a band would be nothing but a copy. */
#ifndef IN_PLACE
#define IN_PLACE(p, rows) 0
#endif

/* The outputs of so many rows of windows of a band. */
TARGET static void band_outputs(const Conv2D *p, const EkBands *b, const Bounds *bounds,
                                const char *packed, uint8_t *band, int32_t rows, int8_t *output);

/* Copies the rows of the image from row y on that a band reads. */
TARGET static void copy_band(const EkBands *b, const int8_t *image, int32_t y, int32_t rows,
                             int32_t channels, int32_t zero_point, uint8_t *band)
{
    const ptrdiff_t before = (ptrdiff_t)b->before * channels;
    const ptrdiff_t columns = (ptrdiff_t)b->columns * channels;
    const ptrdiff_t after = (ptrdiff_t)b->after * channels;
    if (columns == b->pitch && columns == b->row && y >= 0 && y + rows <= b->height) {
        COPY(band, image + y * b->row, rows * columns, b->flip);
        return;
    }
    for (int32_t end = y + rows; y < end; y++, band += b->pitch * ELEMENT) {
        if (y < 0 || y >= b->height) {
            fill(band, zero_point, b->pitch);
            continue;
        }
        fill(band, zero_point, before);
        COPY(band + before * ELEMENT, image + y * b->row + b->from, columns, b->flip);
        fill(band + (before + columns) * ELEMENT, zero_point, after);
    }
}

/* Where the next window of a band lies, and the first of its row. */
typedef struct {
    const uint8_t *row, *window;
    int32_t column;
} Place;

/* Writes where so many windows lie. */
INLINE Place places_from(Place at, const EkBands *b, int32_t count, const uint8_t **windows)
{
    const ptrdiff_t step = b->step * ELEMENT;
    /* Where rows have one window, and these are as far apart as columns, there is no end of a row. */
    const int32_t width = b->output_width > 1 || b->pitch * b->stride_h != b->step ? b->output_width
                                                                                   : INT32_MAX;
    while (count > 0) {
        const int32_t run = ek_least(count, width - at.column);
        for (int32_t i = 0; i < run; i++, at.window += step)
            *windows++ = at.window;
        count -= run;
        at.column += run;
        if (at.column == width) {
            at.column = 0;
            at.window = at.row += b->pitch * ELEMENT * b->stride_h;
        }
    }
    return at;
}

/* The outputs of an image; returns where those of the next one begin. */
TARGET static int8_t *convolve_image(const Conv2D *p, const EkBands *b, const Bounds *bounds,
                                     const int8_t *input, const char *packed, int8_t *output,
                                     uint8_t *band)
{
    const ptrdiff_t size = size_of(*(const int32_t *)(const void *)packed);
    for (int32_t row = 0; row < b->output_height; row += b->band) {
        const int32_t rows = ek_least(b->band, b->output_height - row);
        uint8_t *from = band;
        if (IN_PLACE(p, rows))
            from = (uint8_t *)(uintptr_t)(input + row * b->row);
        else
            copy_band(b, input, row * b->stride_h - b->top, (rows - 1) * b->stride_h + b->rows,
                      p->channels, p->input_zero_point, band);
        band_outputs(p, b, bounds, packed, from, rows, output);
        output += (ptrdiff_t)rows * b->output_width * p->outputs * size;
    }
    return output;
}

TARGET static void convolve(const int32_t *params, void *const *tensors, int8_t *output,
                            uint8_t *band)
{
    const Conv2D *const given = (const Conv2D *)params; /* read at once: a copy is there later */
    EkBands b = ek_bands(given, ELEMENT);
    Bounds bounds = bounds_of(given->lowest, given->highest, given->output_zero_point);
    const Conv2D layer = *given, *const p = &layer; /* because bytes may be params */
    const ptrdiff_t image = (ptrdiff_t)p->height * p->width * p->channels;
    const int8_t *input = tensors[0];
#ifdef FLIPS
    b.flip = ((const int32_t *)tensors[1])[EK_FLIP];
    bounds = flipped(bounds, b.flip);
#endif
    for (int32_t batch = 0; batch < p->batches; batch++, input += image)
        output = convolve_image(p, &b, &bounds, input, tensors[1], output, band);
}

void KERNEL(twice)(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[5], tensors[6]);
}

void KERNEL(float)(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[4], tensors[5]);
}

#ifdef HYBRID
/* Images quantised to bytes, one after another. Where a window leaves an image there are zero
 * points, so that what is subtracted for these is the same of all windows. */
TARGET static void hybrid(const int32_t *params, void *const *tensors, int32_t asymmetric)
{
    const Conv2D *const p = (const Conv2D *)params;
    const EkBands b = ek_bands(p, ELEMENT);
    const ptrdiff_t image = (ptrdiff_t)p->height * p->width * p->channels;
    Conv2D layer = *p;
    const float *input = tensors[0];
    int8_t *const bytes = tensors[5], *output = tensors[4];
    uint8_t *const band = (uint8_t *)bytes + ek_rounded((size_t)image);
    for (int32_t batch = 0; batch < p->batches; batch++, input += image) {
        const EkQuantized quantized = QUANTIZE(input, image, asymmetric, bytes);
        const Bounds bounds = hybrid_bounds(quantized, !asymmetric, &p->lowest, &p->highest);
        layer.input_zero_point = quantized.zero_point;
        output = convolve_image(&layer, &b, &bounds, bytes, tensors[1], output, band);
    }
}

void HYBRID(symmetric)(const int32_t *params, void *const *tensors)
{
    hybrid(params, tensors, 0);
}

void HYBRID(asymmetric)(const int32_t *params, void *const *tensors)
{
    hybrid(params, tensors, 1);
}
#endif
