/* Kernels by name, and the variants of them that this machine can run. */
#ifndef EK_VARIANTS_H
#define EK_VARIANTS_H

#include <string.h>

#include "table.h"
#ifdef EK_X86
#include <cpuid.h>
#elif defined(EK_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#endif

typedef struct {
    const char *name, *level; /* level: "portable" or the name of an instruction set */
    ek_kernel *run;
    ek_packer *pack; /* of tensor 1, the weights; NULL when they are used as they are */
} Variant;

#define VARIANT(name, level, pack) {#name, #level, ek_##name##_##level, pack},
#define PORTABLE(name) {#name, "portable", ek_##name, NULL},
static const Variant VARIANTS[] = {EK_VARIANTS(VARIANT) EK_KERNELS(PORTABLE)};
enum { VARIANT_COUNT = sizeof VARIANTS / sizeof *VARIANTS };

/* Instruction sets, the best first; each machine has some of them and "portable". */
static const char *const LEVELS[] = {"avx512",  "avxvnni", "avx2",
                                      "dotprod", "neon",    "portable"};
enum { LEVEL_COUNT = sizeof LEVELS / sizeof *LEVELS };

static int supported(const char *level)
{
#ifdef EK_X86
    if (!strcmp(level, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni");
    if (!strcmp(level, "avxvnni")) {
        unsigned a, b, c, d; /* not every compiler knows its name */
        return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
               a >> 4 & 1;
    }
    if (!strcmp(level, "avx2"))
        return __builtin_cpu_supports("avx2") != 0;
#endif
#ifdef EK_ARM64
    if (!strcmp(level, "neon"))
        return 1;
#if defined(__APPLE__)
    if (!strcmp(level, "dotprod"))
        return 1; /* all since the M1 */
#elif defined(__linux__)
    if (!strcmp(level, "dotprod"))
        return getauxval(AT_HWCAP) >> 20 & 1; /* HWCAP_ASIMDDP, which old headers do not name */
#endif
#endif
    return !strcmp(level, "portable");
}

/* The best variant of a kernel that the machine runs, from the level ``forced`` downwards. */
static const Variant *find_variant(const char *name, const char *forced)
{
    int below = !forced;
    for (int i = 0; i < LEVEL_COUNT; i++) {
        below = below || !strcmp(LEVELS[i], forced);
        if (!below || !supported(LEVELS[i]))
            continue;
        for (int j = 0; j < VARIANT_COUNT; j++)
            if (!strcmp(VARIANTS[j].name, name) && !strcmp(VARIANTS[j].level, LEVELS[i]))
                return &VARIANTS[j];
    }
    return NULL;
}

#endif
