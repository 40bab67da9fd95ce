/* Compares a variant of a kernel with the portable kernel, byte by byte, on trials that it is given:
 * the same outputs, and nothing read or written outside of the tensors.
 *
 *     kernel_variants KERNEL LEVEL < TRIALS      e.g. kernel_variants finite avx2 < trials
 *
 * TRIALS are what tests/support/trials.py writes, one trial after another until the end, each a
 * sequence of uint32 in the machine's order, and bytes:
 *
 *     count of parameters, the parameters: the kernel's own, then its hints
 *     count of tensors, and of each, in the order of the kernel's:
 *         1 if it is constant, so that a packer sees it, else 0
 *         bytes, and so many of them
 *     count of outputs, and the bytes of each
 *
 * It prints how many trials gave the same bytes and how many the packer refused, or what differs. */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../edge_runtime/native/variants.h"

static void stop(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(2);
}

/* ---- Memory in which a step outside of a tensor is seen ---- */

enum { PAGE = 65536, LARGEST = 64 * PAGE, GUARD = 0x5a, ALIGNMENT = 64 };

/* LARGEST bytes between pages that cannot be touched. */
static uint8_t *region(void)
{
    const size_t size = LARGEST + 2 * PAGE;
    uint8_t *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all, PAGE, PROT_NONE) ||
        mprotect(all + PAGE + LARGEST, PAGE, PROT_NONE))
        stop("no memory");
    return all + PAGE;
}

/* Memory that ends or begins at a page that cannot be touched; the region is kept. */
static void *placed(uint8_t **where, size_t size, int at_end)
{
    if (!*where)
        *where = region();
    if (size > LARGEST)
        stop("a tensor is too large");
    return *where + (at_end ? LARGEST - size : 0);
}

/* The same for what is aligned as the extension does it; so only its beginning is at an edge. */
static void *aligned(uint8_t **where, size_t size, int at_end)
{
    return placed(where, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, at_end);
}

/* ---- Trials ---- */

enum { TENSORS = EK_MOST_TENSORS, OUTPUTS = 6, PARAMS = 64 };

typedef struct {
    uint32_t param_count, count, output_count;
    int32_t params[PARAMS];
    uint32_t constant[TENSORS];
    void *tensors[TENSORS];
    size_t bytes[TENSORS];
    uint32_t sizes[OUTPUTS];
} Trial;

static uint8_t *tensor_regions[TENSORS], *packed_regions[TENSORS], *output_regions[OUTPUTS];
static uint8_t *expected_regions[OUTPUTS], *scratch_region;
static uint8_t *before_regions[TENSORS], *after_regions[TENSORS];

/* Reads, or returns 0 where a trial may end because nothing follows. */
static int read_bytes(void *to, size_t size, int may_end)
{
    const size_t got = fread(to, 1, size, stdin);
    if (got != size && (got || !may_end))
        stop("a trial is cut off");
    return got == size;
}

static uint32_t read_number(uint32_t limit)
{
    uint32_t number;
    read_bytes(&number, sizeof number, 0);
    if (number > limit)
        stop("a number of a trial is too large");
    return number;
}

static int read_trial(Trial *trial, int at_end)
{
    memset(trial, 0, sizeof *trial);
    if (!read_bytes(&trial->param_count, sizeof trial->param_count, 1))
        return 0;
    if (trial->param_count > PARAMS)
        stop("a trial has too many parameters");
    read_bytes(trial->params, trial->param_count * sizeof *trial->params, 0);
    trial->count = read_number(TENSORS - OUTPUTS - 1);
    for (uint32_t i = 0; i < trial->count; i++) {
        trial->constant[i] = read_number(1);
        const uint32_t size = read_number(LARGEST);
        trial->tensors[i] = placed(&tensor_regions[i], size, at_end);
        trial->bytes[i] = size;
        read_bytes(trial->tensors[i], size, 0);
    }
    trial->output_count = read_number(OUTPUTS);
    for (uint32_t i = 0; i < trial->output_count; i++)
        trial->sizes[i] = read_number(LARGEST);
    return 1;
}

static void fail(const Trial *trial, const char *what, size_t where)
{
    printf("%s at byte %zu; params", what, where);
    for (uint32_t i = 0; i < trial->param_count; i++)
        printf(" %" PRId32, trial->params[i]);
    printf("\n");
    exit(1);
}

/* Replaces parameters and tensors by what the variant reads. Returns 0 when it refuses. */
static int pack(const Variant *variant, const Trial *trial, void **tensors, int at_end,
                ek_packing *packing)
{
    void *constants[TENSORS] = {NULL};
    for (uint32_t i = 0; i < trial->count; i++)
        constants[i] = trial->constant[i] ? trial->tensors[i] : NULL;
    memset(packing, 0, sizeof *packing);
    if (!variant->pack(trial->params, constants, packing))
        return 0;
    const ek_packing asked = *packing;
    for (uint32_t i = 0; i < TENSORS; i++) {
        if (!asked.sizes[i])
            continue;
        if (i >= trial->count)
            fail(trial, "packs a tensor that is not there", i);
        tensors[i] = packing->tensors[i] = aligned(&packed_regions[i], asked.sizes[i], at_end);
        memset(tensors[i], GUARD, asked.sizes[i]);
    }
    if (!variant->pack(trial->params, constants, packing))
        fail(trial, "refused when packed", 0);
    if (memcmp(packing->sizes, asked.sizes, sizeof asked.sizes) || packing->count != asked.count ||
        memcmp(packing->params, asked.params, sizeof asked.params))
        fail(trial, "other sizes or parameters when packed", 0);
    return 1;
}

/* On the side where memory goes on, bytes that must stay; on the other it cannot be touched. */
static uint8_t *guard_of(uint8_t *tensor, size_t size, int at_end)
{
    return at_end ? tensor - PAGE : tensor + size;
}

/* Keeps the tensors, some of which may be states, which kernels write, too. */
static void keep(const Trial *trial, uint8_t **regions)
{
    for (uint32_t i = 0; i < trial->count; i++)
        memcpy(placed(&regions[i], trial->bytes[i], 0), trial->tensors[i], trial->bytes[i]);
}

/* Returns 1 for the same bytes, 0 for parameters that the packer refuses. */
static int compare(const Variant *variant, const Variant *portable, const Trial *trial, int at_end)
{
    void *tensors[TENSORS];
    ek_packing packing = {0};
    memcpy(tensors, trial->tensors, sizeof tensors);
    for (uint32_t i = 0; i < trial->output_count; i++)
        tensors[trial->count + i] = placed(&expected_regions[i], trial->sizes[i], at_end);
    if (portable->scratch)
        tensors[trial->count + trial->output_count] =
            aligned(&scratch_region, portable->scratch(trial->params), at_end);
    keep(trial, before_regions);
    portable->run(trial->params, tensors);
    keep(trial, after_regions);
    for (uint32_t i = 0; i < trial->count; i++)
        memcpy(trial->tensors[i], before_regions[i], trial->bytes[i]);

    memcpy(tensors, trial->tensors, sizeof tensors);
    if (variant->pack && !pack(variant, trial, tensors, at_end, &packing))
        return 0;
    const int32_t *const params = packing.count ? packing.params : trial->params;
    uint32_t count = trial->count;
    size_t sizes[OUTPUTS + 1];
    for (uint32_t i = 0; i < trial->output_count; i++, count++) {
        sizes[i] = trial->sizes[i];
        tensors[count] = placed(&output_regions[i], sizes[i], at_end);
    }
    if (variant->scratch) {
        const size_t size = sizes[trial->output_count] = variant->scratch(params);
        tensors[count++] = aligned(&scratch_region, size, at_end);
    }
    for (uint32_t i = trial->count; i < count; i++) {
        memset(guard_of(tensors[i], sizes[i - trial->count], at_end), GUARD, PAGE);
        memset(tensors[i], GUARD, sizes[i - trial->count]);
    }
    variant->run(params, tensors);
    for (uint32_t i = 0; i < trial->output_count; i++) {
        const uint8_t *const output = tensors[trial->count + i];
        const uint8_t *const expected = placed(&expected_regions[i], trial->sizes[i], at_end);
        for (size_t j = 0; j < trial->sizes[i]; j++)
            if (output[j] != expected[j])
                fail(trial, "another byte", j);
    }
    for (uint32_t i = 0; i < trial->count; i++)
        if (memcmp(trial->tensors[i], after_regions[i], trial->bytes[i]))
            fail(trial, "another byte of a state, or written into an input,", i);
    for (uint32_t i = trial->count; i < count; i++) {
        const uint8_t *guard = guard_of(tensors[i], sizes[i - trial->count], at_end);
        for (size_t j = 0; j < PAGE; j++)
            if (guard[j] != GUARD)
                fail(trial, "written outside of an output or scratch", j);
    }
    return 1;
}

int main(int count, char **arguments)
{
    static Trial trial;
    int alike = 0, refused = 0;
    if (count != 3)
        stop("usage: kernel_variants KERNEL LEVEL < TRIALS");
    const Variant *variant = find_variant(arguments[1], arguments[2]);
    const Variant *portable = find_variant(arguments[1], "portable");
    (void)supported("amx"); /* asks the system for its tiles */
    if (!variant || !variant->run)
        stop("this program has no such variant");
    for (int at_end = 0; read_trial(&trial, at_end); at_end = !at_end)
        if (compare(variant, portable, &trial, at_end))
            alike++;
        else
            refused++;
    printf("%d the same bytes, %d refused\n", alike, refused);
    return 0;
}
