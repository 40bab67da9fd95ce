/* Holds every variant of the kernels that the compiler's machine has to the portable kernels: the
 * same bytes for random shapes and values, and nothing read or written outside of the tensors.
 *
 *     kernel_variants LEVEL...    e.g. kernel_variants neon dotprod */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "table.h"

typedef struct {
    const char *name, *level;
    ek_kernel *run, *portable;
    ek_packer *pack;
} Variant;

#define VARIANT(name, level, pack, scratch) {#name, #level, ek_##name##_##level, ek_##name, pack},
#define ABSENT(name, level, pack, scratch)
#ifdef EK_X86
#define X86 VARIANT
#else
#define X86 ABSENT
#endif
#ifdef EK_ARM64
#define ARM64 VARIANT
#else
#define ARM64 ABSENT
#endif
static const Variant VARIANTS[] = {
    EK_VARIANTS_BY(X86, ARM64, ABSENT, ABSENT){NULL, NULL, NULL, NULL, NULL}};

/* ---- Random numbers ---- */

static uint64_t state = 88172645463325252u; /* xorshift64 */

static uint32_t bits(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static int32_t between(int32_t low, int32_t high)
{
    return (int32_t)(low + (int64_t)(bits() % ((uint64_t)((int64_t)high - low) + 1)));
}

static int32_t any_int32(void)
{
    static const int32_t EXTREMES[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX};
    return bits() % 2 ? (int32_t)bits() : EXTREMES[bits() % 6];
}

/* ---- Memory in which a step outside of a tensor is seen ---- */

enum { PAGE = 65536, LARGEST = 64 * PAGE, GUARD = 0x5a };

typedef struct {
    uint8_t *start; /* LARGEST bytes between pages that cannot be touched */
} Region;

static Region region(void)
{
    const size_t size = LARGEST + 2 * PAGE;
    uint8_t *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all, PAGE, PROT_NONE) ||
        mprotect(all + PAGE + LARGEST, PAGE, PROT_NONE)) {
        perror("mmap");
        exit(2);
    }
    return (Region){all + PAGE};
}

/* Memory that ends or begins at a page that cannot be touched. */
static void *placed(Region where, size_t size, int at_end)
{
    if (size > LARGEST) {
        fprintf(stderr, "%zu bytes do not fit\n", size);
        exit(2);
    }
    return where.start + (at_end ? LARGEST - size : 0);
}

/* ---- Trials ---- */

enum { TENSORS = 6, MOST_PARAMS = 13 };

typedef struct {
    int32_t params[MOST_PARAMS];
    void *tensors[TENSORS];
    size_t output_size;
    int output; /* index of the tensor */
} Trial;

static Region regions[TENSORS], packed_region, expected_region;

static void random_shape(int32_t *params)
{
    const uint32_t kind = bits() % 64;
    params[0] = bits() % 4 ? between(1, 5) : between(15, 50); /* some take 16 rows at once */
    params[1] = kind == 0 ? between(71, 3000) : kind < 8 ? 16 * between(1, 8) : between(1, 70);
    params[2] = between(1, 40);
    if (kind == 1) { /* the deepest sums */
        params[0] = 1;
        params[1] = between(65536 - 17, 65536);
        params[2] = between(1, 3);
    }
}

static void fill_int8(int8_t *to, size_t count)
{
    const uint32_t kind = bits() % 8;
    const int8_t constant = (int8_t)between(-128, 127);
    for (size_t i = 0; i < count; i++)
        to[i] = (int8_t)(kind == 0   ? -128
                         : kind == 1 ? (bits() % 2 ? -128 : 127)
                         : kind == 2 ? constant
                         : kind == 3 ? (bits() % 8 ? 0 : between(-128, 127))
                         : kind == 4 ? between(-1, 1)
                         : kind == 5 ? between(-128, 127)
                                     : between(-127, 127));
}

static Trial int8_trial(int at_end)
{
    Trial trial = {.output = 5};
    int32_t *params = trial.params;
    random_shape(params);
    const size_t rows = (size_t)params[0], depth = (size_t)params[1], outputs = (size_t)params[2];
    params[3] = between(-128, 127);
    params[4] = bits() % 2 ? -128 : between(-128, 127);
    params[5] = bits() % 2 ? 127 : between(params[4], 127);
    const size_t sizes[] = {rows * depth, outputs * depth, outputs * 4, outputs * 4, outputs * 4};
    for (int i = 0; i < 5; i++)
        trial.tensors[i] = placed(regions[i], sizes[i], at_end);
    trial.output_size = rows * outputs;
    trial.tensors[5] = placed(regions[5], trial.output_size, at_end);
    fill_int8(trial.tensors[0], sizes[0]);
    fill_int8(trial.tensors[1], sizes[1]);
    /* Rescaled to about the output's range, or to halves of steps, or to anything. */
    const uint32_t kind = bits() % 4;
    int32_t fitting = 0;
    for (size_t k = depth; k; k /= 4)
        fitting--;
    for (size_t o = 0; o < outputs; o++) {
        int32_t *bias = trial.tensors[2], *multiplier = trial.tensors[3], *shift = trial.tensors[4];
        bias[o] = kind == 0   ? any_int32()
                  : kind == 1 ? between(-2000, 2000)
                              : between(-(1 << 20), 1 << 20);
        multiplier[o] = kind == 0   ? any_int32()
                        : kind == 1 ? 1 << 30
                                    : between(1 << 30, INT32_MAX);
        shift[o] = kind == 0   ? between(-31, 30)
                   : kind == 1 ? between(-8, 1)
                               : between(fitting - 8, fitting);
        if (kind == 1 && bits() % 2)
            multiplier[o] = -multiplier[o];
    }
    return trial;
}

static float random_float(uint32_t kind)
{
    float value;
    uint32_t pattern = bits();
    if (kind == 0) { /* any finite number: sums overflow, which gives infinities and NaN */
        pattern = (pattern & 0x7f800000u) == 0x7f800000u ? pattern & 0x807fffffu : pattern;
    } else if (kind == 1) { /* so small that products are denormal or vanish */
        pattern = (pattern & 0x87ffffffu) | 0x1c000000u;
    } else if (kind == 2 && bits() % 16 == 0) {
        pattern &= 0x80000000u; /* zeros, also negative ones */
    } else {
        return (float)((double)between(INT32_MIN, INT32_MAX) / INT32_MAX);
    }
    memcpy(&value, &pattern, sizeof value);
    return value;
}

static Trial float32_trial(int at_end)
{
    static const float LIMITS[][2] = {{-1, 1}, {0, 6}, {-0.25f, 0.125f}};
    Trial trial = {.output = 3};
    int32_t *params = trial.params;
    random_shape(params);
    const uint32_t infinities[] = {0xff800000u, 0x7f800000u};
    memcpy(params + 3, bits() % 2 ? (const void *)infinities : LIMITS[bits() % 3], 8);
    const size_t rows = (size_t)params[0], depth = (size_t)params[1], outputs = (size_t)params[2];
    const size_t counts[] = {rows * depth, outputs * depth, outputs, rows * outputs};
    for (int i = 0; i < 4; i++)
        trial.tensors[i] = placed(regions[i], counts[i] * 4, at_end);
    trial.output_size = counts[3] * 4;
    for (int i = 0; i < 3; i++) {
        const uint32_t kind = bits() % 8;
        for (size_t j = 0; j < counts[i]; j++)
            ((float *)trial.tensors[i])[j] = random_float(kind);
    }
    return trial;
}

static Trial finite_trial(int at_end)
{
    Trial trial = {.output = 1};
    const int32_t count = trial.params[0] = between(1, 200);
    float *numbers = trial.tensors[0] = placed(regions[0], (size_t)count * 4, at_end);
    trial.output_size = 4;
    trial.tensors[1] = placed(regions[1], 4, at_end);
    for (int32_t i = 0; i < count; i++)
        numbers[i] = random_float(bits() % 4);
    if (bits() % 2) { /* infinity, or one of many NaN, of either sign */
        const uint32_t pattern = bits() | 0x7f800000u;
        memcpy(&numbers[between(0, count - 1)], &pattern, 4);
    }
    return trial;
}

/* Two tensors, each as it is, broadcast along rows or columns, or a single number. */
static Trial binary_trial(int at_end, int size, int adds)
{
    Trial trial = {.output = 3, .tensors = {NULL}};
    const int32_t rows = between(1, 4), count = between(1, 100), limit = size == 1 ? 128 : 32768;
    int32_t loops[3][6] = {{1, 1, 1, 1, rows, count}}, *params = trial.params;
    for (int i = 0; i < 2; i++) {
        /* The kernels' loops have at least one input that moves. */
        const int along = i == 0 ? 1 : bits() % 2 != 0, across = bits() % 2 != 0;
        const size_t elements = (size_t)(along ? count : 1) * (size_t)(across ? rows : 1);
        loops[i + 1][5] = along;
        loops[i + 1][4] = across ? (along ? count : 1) : 0;
        trial.tensors[i] = placed(regions[i], elements * (size_t)size, at_end);
        fill_int8(trial.tensors[i], elements * (size_t)size);
    }
    trial.tensors[2] = placed(regions[2], sizeof loops, at_end);
    memcpy(trial.tensors[2], loops, sizeof loops);
    trial.output_size = (size_t)rows * (size_t)count * (size_t)size;
    trial.tensors[3] = placed(regions[3], trial.output_size, at_end);
    if (adds) {
        *params++ = size == 1 ? 20 : 15;
        for (int i = 0; i < 2; i++) {
            *params++ = size == 1 ? between(-128, 127) : 0;
            *params++ = between(1 << 30, INT32_MAX);
            *params++ = between(-12, 0);
        }
        *params++ = bits() % 2 ? 1 : -1;
    } else {
        *params++ = size == 1 ? between(-128, 127) : 0;
        *params++ = size == 1 ? between(-128, 127) : 0;
    }
    *params++ = between(1 << 30, INT32_MAX);
    *params++ = between(-31, 0);
    *params++ = size == 1 ? between(-128, 127) : 0;
    *params++ = bits() % 2 ? -limit : between(-limit, 0);
    *params++ = bits() % 2 ? limit - 1 : between(0, limit - 1);
    return trial;
}

static Trial add_int8_trial(int at_end)
{
    return binary_trial(at_end, 1, 1);
}

static Trial add_int16_trial(int at_end)
{
    return binary_trial(at_end, 2, 1);
}

static Trial mul_int8_trial(int at_end)
{
    return binary_trial(at_end, 1, 0);
}

static Trial mul_int16_trial(int at_end)
{
    return binary_trial(at_end, 2, 0);
}

static int fail(const Variant *variant, const Trial *trial, const char *what, size_t where)
{
    printf("%s %s: %s at byte %zu; params", variant->name, variant->level, what, where);
    for (int i = 0; i < MOST_PARAMS; i++)
        printf(" %" PRId32, trial->params[i]);
    printf("\n");
    return 1;
}

static int check(const Variant *variant, const Trial *trial, int at_end)
{
    void *tensors[TENSORS], *expected = placed(expected_region, trial->output_size, at_end);
    memcpy(tensors, trial->tensors, sizeof tensors);
    tensors[trial->output] = expected;
    variant->portable(trial->params, tensors);

    uint8_t *output = trial->tensors[trial->output];
    memcpy(tensors, trial->tensors, sizeof tensors);
    if (variant->pack) {
        ek_packing packing = {0};
        if (!variant->pack(trial->params, tensors, &packing))
            return fail(variant, trial, "not packed", 0);
        const size_t size = packing.sizes[1];
        /* Aligned as the extension does it; so only its beginning is at a page's edge. */
        void *packed = placed(packed_region, (size + 63) / 64 * 64, at_end);
        memset(packed, GUARD, size);
        packing.tensors[1] = packed;
        if (!variant->pack(trial->params, tensors, &packing) || packing.sizes[1] != size)
            return fail(variant, trial, "another size when packed", size);
        tensors[1] = packed;
    }
    /* On the side where memory goes on, bytes that must stay; on the other it cannot be touched. */
    uint8_t *guard = at_end ? output - PAGE : output + trial->output_size;
    memset(guard, GUARD, PAGE);
    memset(output, GUARD, trial->output_size);
    variant->run(trial->params, tensors);
    for (size_t i = 0; i < trial->output_size; i++)
        if (output[i] != ((uint8_t *)expected)[i])
            return fail(variant, trial, "another byte", i);
    for (size_t i = 0; i < PAGE; i++)
        if (guard[i] != GUARD)
            return fail(variant, trial, "written outside of the output", i);
    return 0;
}

typedef struct {
    const char *name;
    Trial (*make)(int at_end);
} Maker;

static const Maker MAKERS[] = {
    {"fully_connected_int8_once", int8_trial},
    {"fully_connected_float32", float32_trial},
    {"finite", finite_trial},
    {"add_int8_twice", add_int8_trial},
    {"add_int16_twice", add_int16_trial},
    {"mul_int8_twice", mul_int8_trial},
    {"mul_int16_twice", mul_int16_trial},
    {NULL, NULL},
};

int main(int count, char **levels)
{
    enum { TRIALS = 10000 };
    for (int i = 0; i < TENSORS; i++)
        regions[i] = region();
    packed_region = region();
    expected_region = region();
    for (const Variant *variant = VARIANTS; variant->name; variant++) {
        int asked = 0;
        for (int i = 1; i < count; i++)
            asked = asked || !strcmp(levels[i], variant->level);
        if (!asked)
            continue;
        Trial (*make)(int) = NULL;
        for (const Maker *maker = MAKERS; maker->name; maker++)
            if (!strcmp(variant->name, maker->name))
                make = maker->make;
        if (!make) {
            printf("%s %s: nothing here tests this kernel\n", variant->name, variant->level);
            return 1;
        }
        for (int i = 0; i < TRIALS; i++) {
            const Trial trial = make(i % 2);
            if (check(variant, &trial, i % 2))
                return 1;
        }
        printf("%s %s: %d shapes, the same bytes\n", variant->name, variant->level, TRIALS);
        fflush(stdout);
    }
    return 0;
}
