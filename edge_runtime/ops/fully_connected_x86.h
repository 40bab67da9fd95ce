/* The float32 kernel for x86-64, written once for vectors of 16 lanes, whatever they are made of: the
 * file that includes this has defined TARGET, NAMED, fvec, fzero, fload, fpart, fgrow and fold. Each
 * product and each sum is rounded by itself, in the order that fully_connected_kernels.py gives. */

enum { LANES = 16 };

/* A few outputs at once, as many sums as hide an addition's latency. */
TARGET static inline void outputs_of(int32_t number, const float *input, const float *weights,
                                     int32_t depth, const float *bias, float lowest, float highest,
                                     float *output)
{
    fvec sums[4];
    const int32_t whole = depth - depth % LANES;
    for (int32_t i = 0; i < number; i++)
        sums[i] = fzero();
    for (int32_t k = 0; k < whole; k += LANES) {
        const fvec x = fload(input + k);
        for (int32_t i = 0; i < number; i++)
            sums[i] = fgrow(sums[i], x, fload(weights + (ptrdiff_t)i * depth + k));
    }
    if (whole < depth) {
        const fvec x = fpart(input + whole, depth - whole);
        for (int32_t i = 0; i < number; i++)
            sums[i] = fgrow(sums[i], x,
                            fpart(weights + (ptrdiff_t)i * depth + whole, depth - whole));
    }
    for (int32_t i = 0; i < number; i++) {
        float sum = fold(sums[i]) + bias[i];
        sum = sum < lowest ? lowest : sum;
        output[i] = sum > highest ? highest : sum;
    }
}

TARGET void NAMED(ek_fully_connected_float32, )(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const float *input = tensors[0], *bias = tensors[2];
    float *output = tensors[3], lowest, highest;
    memcpy(&lowest, &params[3], sizeof lowest);
    memcpy(&highest, &params[4], sizeof highest);

    for (int32_t row = 0; row < rows; row++, input += depth, output += outputs) {
        const float *weights = tensors[1];
        int32_t o = 0;
        for (; o + 4 <= outputs; o += 4, weights += (ptrdiff_t)4 * depth)
            outputs_of(4, input, weights, depth, bias + o, lowest, highest, output + o);
        for (; o + 2 <= outputs; o += 2, weights += (ptrdiff_t)2 * depth)
            outputs_of(2, input, weights, depth, bias + o, lowest, highest, output + o);
        if (o < outputs)
            outputs_of(1, input, weights, depth, bias + o, lowest, highest, output + o);
    }
}
