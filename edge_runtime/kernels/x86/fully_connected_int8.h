/* FULLY_CONNECTED of int8 as a convolution of rows, with the tiles of CONV_2D; few rows one after
 * another, because the time is that of reading the weights. The file that includes this behind the
 * convolution of its level defines prepare(), which writes a row as chunks. */

/* Rows from which tiles are faster. */
enum { MANY_ROWS = 4 };

/* The sums of a row in one vector or two: four of each, because a product waits for the one before. */
INLINE void row_sums(const int32_t wide, const uint8_t *row, size_t chunks, const char *biases,
                     ptrdiff_t apart, const char *weights, Vector *totals)
{
    Vector sums[8];
    UNROLL
    for (int32_t i = 0; i < 4 * wide; i++)
        sums[i] = i < wide ? load(biases + i * apart) : zero();
    for (; chunks >= 4; chunks -= 4, row += 4 * EK_CHUNK, weights += 4 * wide * LANES * EK_CHUNK) {
        UNROLL
        for (int32_t i = 0; i < 4 * wide; i++)
            sums[i] = dot(sums[i], chunk_at(row + i / wide * EK_CHUNK),
                          weights + i * LANES * EK_CHUNK);
    }
    for (; chunks > 0; chunks--, row += EK_CHUNK, weights += wide * LANES * EK_CHUNK) {
        UNROLL
        for (int32_t i = 0; i < wide; i++)
            sums[i] = dot(sums[i], chunk_at(row), weights + i * LANES * EK_CHUNK);
    }
    UNROLL
    for (int32_t v = 0; v < wide; v++)
        totals[v] = sum_of(sum_of(sums[v], sums[wide + v]),
                           sum_of(sums[2 * wide + v], sums[3 * wide + v]));
}

/* A packed layer. */
typedef struct {
    int32_t mode, outputs;
    size_t chunks;
    const char *heads, *biases, *weights;
    ptrdiff_t apart; /* from the biases of a vector of outputs to those of the next */
} Rows;

/* The outputs of a row of chunks. */
TARGET static void row_outputs(const Rows *rows, const Bounds *bounds, const uint8_t *row,
                               int8_t *output)
{
    const ptrdiff_t block = (ptrdiff_t)rows->chunks * LANES * EK_CHUNK, size = size_of(rows->mode);
    for (int32_t o = 0; o < rows->outputs; o += 2 * LANES) {
        const int32_t left = rows->outputs - o, wide = left > LANES;
        const ptrdiff_t vector = o / LANES;
        const char *const from = rows->weights + vector * block;
        const char *const bias = rows->biases + vector * rows->apart;
        Vector totals[4] = {zero(), zero(), zero(), zero()};
        if (wide)
            row_sums(2, row, rows->chunks, bias, rows->apart, from, totals);
        else
            row_sums(1, row, rows->chunks, bias, rows->apart, from, totals);
        rescaler_of(rows->mode, wide)(totals, 1, rows->heads + vector * EK_COLUMNS * 4 * LANES,
                                      left, bounds, output + o * size, 0);
    }
}

TARGET static void few_rows(const Conv2D *p, const Rows *rows, const int8_t *input, uint8_t *row,
                            int8_t *output)
{
    const Bounds bounds = bounds_of(p->lowest, p->highest, p->output_zero_point);
    const int32_t height = p->height, depth = p->channels, outputs = p->outputs;
    for (int32_t n = 0; n < height; n++, input += depth, output += outputs) {
        prepare(row, input, depth, rows->chunks);
        row_outputs(rows, &bounds, row, output);
    }
}
