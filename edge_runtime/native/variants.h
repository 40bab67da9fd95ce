/* Kernels by name, and the variants of them that this machine can run. */
#ifndef EK_VARIANTS_H
#define EK_VARIANTS_H

#include <string.h>

#include "table.h"
#ifdef EK_X86
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(EK_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(EK_ARM64) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* Levels by number: an address in a table is 24 bytes more for the loader. */
#define NUMBER(level) LEVEL_##level,
typedef enum { EK_LEVELS(NUMBER) LEVEL_COUNT } Level;
#define NAME(level) #level,
static const char *const LEVELS[] = {EK_LEVELS(NAME)};
#undef NAME
#undef NUMBER

typedef struct {
    const char *name;
    Level level;
    ek_kernel *run; /* NULL: compiled elsewhere */
    ek_packer *pack; /* NULL: it reads the parameters and constants of the portable kernel */
    ek_scratch *scratch; /* NULL: it needs none */
} Variant;

#define PRESENT(name, level, pack, scratch) {#name, LEVEL_##level, ek_##name##_##level, pack, scratch},
#define ABSENT(name, level, pack, scratch) {#name, LEVEL_##level, NULL, pack, scratch},
#define PORTABLE(name) {#name, LEVEL_portable, ek_##name, NULL, NULL},
#define WITH_SCRATCH(name, scratch) {#name, LEVEL_portable, ek_##name, NULL, scratch},
#ifdef EK_X86
#define X86 PRESENT
#else
#define X86 ABSENT
#endif
#ifdef EK_ARM64
#define ARM64 PRESENT
#else
#define ARM64 ABSENT
#endif
static const Variant VARIANTS[] = {EK_VARIANTS_BY(X86, ARM64, ABSENT, ABSENT, PRESENT)
                                       EK_KERNELS(PORTABLE)
                                           EK_KERNELS_WITH_SCRATCH(WITH_SCRATCH)};
enum { VARIANT_COUNT = sizeof VARIANTS / sizeof *VARIANTS };

#ifdef EK_X86
/* Whether tiles of int8 are there, and the system lets this process use them, which Linux wants to be
 * asked. */
static int has_tiles(void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
    enum { REQUEST = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    static int known = -1;
    unsigned a, b, c, d;
    if (known < 0)
        known = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 3) == 3 &&
                !syscall(SYS_arch_prctl, REQUEST, TILE_DATA);
    return known;
#else
    return 0;
#endif
}
#endif

/* Whether this machine runs kernels of a level. The exporter's levels are never chosen here. */
static int supported(const char *level)
{
#ifdef EK_X86
    if (!strcmp(level, "amx"))
        return supported("avx512") && has_tiles();
    if (!strcmp(level, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni");
    if (!strcmp(level, "avxvnni")) {
        static int known = -1; /* a virtual machine takes 30 us to answer */
        unsigned a, b, c, d;   /* not every compiler supports the name */
        if (known < 0)
            known = supported("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 4 & 1;
        return known;
    }
    if (!strcmp(level, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#ifdef EK_ARM64
    if (!strcmp(level, "neon"))
        return 1;
#if defined(__APPLE__)
    if (!strcmp(level, "dotprod"))
        return 1; /* all since the M1 */
    if (!strcmp(level, "i8mm")) { /* since the M2 */
        int has = 0;
        size_t size = sizeof has;
        return !sysctlbyname("hw.optional.arm.FEAT_I8MM", &has, &size, NULL, 0) && has;
    }
#elif defined(__linux__)
    if (!strcmp(level, "dotprod"))
        return getauxval(AT_HWCAP) >> 20 & 1; /* HWCAP_ASIMDDP, which old headers do not name */
    if (!strcmp(level, "i8mm"))
        return getauxval(AT_HWCAP2) >> 13 & 1; /* HWCAP2_I8MM */
#endif
#endif
    return !strcmp(level, "portable");
}

/* A variant of a kernel, NULL when there is none. */
static const Variant *find_variant(const char *name, const char *level)
{
    for (int i = 0; i < VARIANT_COUNT; i++)
        if (!strcmp(VARIANTS[i].name, name) && !strcmp(LEVELS[VARIANTS[i].level], level))
            return &VARIANTS[i];
    return NULL;
}

/* The best variant of a kernel that this machine runs and whose packer accepts the parameters and
 * constants, from the level "highest" downwards; NULL: from the best. packing then has the
 * sizes, but nothing is written. */
static inline const Variant *choose_variant(const char *name, const char *highest,
                                            const int32_t *params, void *const *tensors,
                                            ek_packing *packing)
{
    int below = !highest;
    for (int i = 0; i < LEVEL_COUNT; i++) {
        below = below || !strcmp(LEVELS[i], highest);
        const Variant *variant =
            below && supported(LEVELS[i]) ? find_variant(name, LEVELS[i]) : NULL;
        memset(packing, 0, sizeof *packing);
        if (variant && (!variant->pack || variant->pack(params, tensors, packing)))
            return variant;
    }
    return NULL;
}

#endif
