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

/* biases: of the vectors of outputs, "apart" bytes apart. */
TARGET static void few_rows(const Conv2D *p, rescaler *const *rescalers, size_t chunks,
                            const char *heads, const char *biases, ptrdiff_t apart,
                            const char *weights, const int8_t *input, uint8_t *row, int8_t *output)
{
    const ptrdiff_t block = (ptrdiff_t)chunks * LANES * EK_CHUNK;
    const int32_t outputs = p->outputs;
    const Bounds bounds = bounds_of(p->lowest, p->highest, p->output_zero_point);
    for (int32_t n = 0; n < p->height; n++, input += p->channels, output += outputs) {
        prepare(row, input, p->channels, chunks);
        for (int32_t o = 0; o < outputs; o += 2 * LANES) {
            const int32_t wide = outputs - o > LANES;
            const ptrdiff_t vector = o / LANES;
            const char *const from = weights + vector * block, *bias = biases + vector * apart;
            Vector totals[4] = {zero(), zero(), zero(), zero()};
            if (wide)
                row_sums(2, row, chunks, bias, apart, from, totals);
            else
                row_sums(1, row, chunks, bias, apart, from, totals);
            rescalers[wide](totals, 1, heads + vector * EK_COLUMNS * 4 * LANES, outputs - o, &bounds,
                            output + o, 0);
        }
    }
}
