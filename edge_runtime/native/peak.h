/* The most multiply-accumulates a second that a thread of this machine can do: loops of the
 * instructions that kernels multiply with, on registers alone.
 *
 * A loop has enough sums that none waits for its last product. All numbers are zero, so that none
 * is denormal. */
#ifndef EK_PEAK_H
#define EK_PEAK_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "variants.h"
#include "x86/tiles.h"

typedef void Loop(int64_t rounds);

#define REPEAT_6(INSTRUCTION)                                                                      \
    INSTRUCTION(0) INSTRUCTION(1) INSTRUCTION(2) INSTRUCTION(3) INSTRUCTION(4) INSTRUCTION(5)
#define REPEAT_12(INSTRUCTION)                                                                     \
    REPEAT_6(INSTRUCTION)                                                                          \
    INSTRUCTION(6) INSTRUCTION(7) INSTRUCTION(8) INSTRUCTION(9) INSTRUCTION(10) INSTRUCTION(11)

#if defined(EK_X86)
#define REGISTERS                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define ZERO(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define X86_LOOP(name, instructions, INSTRUCTION)                                                  \
    __attribute__((target(instructions))) static void name(int64_t rounds)                         \
    {                                                                                              \
        __asm__ volatile(REPEAT_12(ZERO) ZERO(12) ZERO(13) ZERO(14) ZERO(15) ".p2align 5\n1:\n"    \
                         REPEAT_12(INSTRUCTION) "dec %0\njnz 1b\nvzeroupper"                       \
                         : "+r"(rounds)                                                            \
                         :                                                                         \
                         : "cc", REGISTERS);                                                       \
    }
#define THREE(name, width, n) name " %%" width "mm15, %%" width "mm14, %%" width "mm" #n "\n"

#define DPBUSD_ZMM(n) THREE("vpdpbusd", "z", n)
X86_LOOP(dpbusd_zmm, "avx512f,avx512vnni", DPBUSD_ZMM)
#define FMA_ZMM(n) THREE("vfmadd231ps", "z", n)
X86_LOOP(fma_zmm, "avx512f", FMA_ZMM)
#define FMA_YMM(n) THREE("vfmadd231ps", "y", n)
X86_LOOP(fma_ymm, "avx2,fma", FMA_YMM)
/* Its sums of two products may saturate, but nothing that may not is faster. */
#define MADDUBS_YMM(n)                                                                             \
    "vpmaddubsw %%ymm15, %%ymm14, %%ymm13\n"                                                       \
    "vpmaddwd %%ymm12, %%ymm13, %%ymm13\n"                                                         \
    "vpaddd %%ymm13, %%ymm" #n ", %%ymm" #n "\n"
X86_LOOP(maddubs_ymm, "avx2", MADDUBS_YMM)
#define DPBUSD_YMM(n) "%{vex%} " THREE("vpdpbusd", "y", n)
X86_LOOP(dpbusd_ymm, "avx2,avxvnni", DPBUSD_YMM)
#endif

#if defined(EK_X86) && defined(__linux__)
#define CLEAR_TILE(n) "tilezero %%tmm" #n "\n"
#define DPBSSD(n) "tdpbssd %%tmm7, %%tmm6, %%tmm" #n "\n"
__attribute__((target("amx-tile,amx-int8"))) static void dpbssd(int64_t rounds)
{
    const EkTileShapes tiles = ek_full_tiles();
    __asm__ volatile("ldtilecfg %1\n" REPEAT_6(CLEAR_TILE) CLEAR_TILE(6) CLEAR_TILE(7)
                     ".p2align 5\n1:\n" REPEAT_6(DPBSSD) "dec %0\njnz 1b\ntilerelease"
                     : "+r"(rounds)
                     : "m"(tiles)
                     : "cc");
}
#endif

#if defined(EK_ARM64)
#define REGISTERS                                                                                  \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", \
        "v15", "v16"
#define ZERO(n) "movi v" #n ".4s, #0\n"
#define ARM64_LOOP(name, INSTRUCTION)                                                              \
    static void name(int64_t rounds)                                                               \
    {                                                                                              \
        __asm__ volatile(REPEAT_12(ZERO) ZERO(14) ZERO(15) ".p2align 5\n1:\n"                      \
                         REPEAT_12(INSTRUCTION) "subs %0, %0, #1\nb.ne 1b"                         \
                         : "+r"(rounds)                                                            \
                         :                                                                         \
                         : "cc", REGISTERS);                                                       \
    }

#define SDOT(n) "sdot v" #n ".4s, v14.16b, v15.16b\n"
#if defined(__ARM_FEATURE_DOTPROD)
#elif defined(__clang__)
__attribute__((target("dotprod")))
#else
__attribute__((target("arch=armv8.2-a+dotprod")))
#endif
ARM64_LOOP(sdot, SDOT)
#define SMMLA(n) ".arch_extension i8mm\nsmmla v" #n ".4s, v14.16b, v15.16b\n"
ARM64_LOOP(smmla, SMMLA)
#define MULL(n)                                                                                    \
    "smull v13.8h, v14.8b, v15.8b\n"                                                               \
    "smlal2 v13.8h, v14.16b, v15.16b\n"                                                            \
    "sadalp v" #n ".4s, v13.8h\n"
ARM64_LOOP(mull, MULL)
#define FMLA(n) "fmla v" #n ".4s, v14.4s, v15.4s\n"
ARM64_LOOP(fmla, FMLA)
#endif

typedef struct {
    const char *level, *type;
    Loop *loop;
    int products; /* of a round */
} Peak;

static const Peak PEAKS[] = {
#if defined(EK_X86)
    {"avx512", "int8", dpbusd_zmm, 12 * 64},
    {"avx512", "float32", fma_zmm, 12 * 16},
    {"avxvnni", "int8", dpbusd_ymm, 12 * 32},
    {"avxvnni", "float32", fma_ymm, 12 * 8},
    {"avx2", "int8", maddubs_ymm, 12 * 32},
    {"avx2", "float32", fma_ymm, 12 * 8},
#endif
#if defined(EK_X86) && defined(__linux__)
    {"amx", "int8", dpbssd, 6 * EK_TILE_ROWS * 16 * EK_TILE_BYTES},
#endif
#if defined(EK_ARM64)
    {"i8mm", "int8", smmla, 12 * 32},
    {"i8mm", "float32", fmla, 12 * 4},
    {"dotprod", "int8", sdot, 12 * 16},
    {"dotprod", "float32", fmla, 12 * 4},
    {"neon", "int8", mull, 12 * 16},
    {"neon", "float32", fmla, 12 * 4},
#endif
    {NULL, NULL, NULL, 0},
};

/* Whether this machine runs a loop. */
static int runs(const Peak *peak)
{
#ifdef EK_X86
    if (!strcmp(peak->type, "float32") && !__builtin_cpu_supports("fma"))
        return 0;
#endif
    return supported(peak->level);
}

enum { TRIAL_NANOSECONDS = 500000, TRIALS = 20 };

static int64_t nanoseconds_of(Loop *loop, int64_t rounds)
{
    const int64_t before = now();
    loop(rounds);
    return now() - before;
}

/* Multiply-accumulates a second of the best of many trials, each long enough that reading the clock
 * does not count. */
static double measured(const Peak *peak)
{
    int64_t rounds = 1000, best = INT64_MAX;
    while (nanoseconds_of(peak->loop, rounds) < TRIAL_NANOSECONDS)
        rounds *= 2; /* which also lets the processor reach its clock rate */
    for (int i = 0; i < TRIALS; i++) {
        const int64_t taken = nanoseconds_of(peak->loop, rounds);
        best = taken < best ? taken : best;
    }
    return 1e9 * (double)peak->products * (double)rounds / (double)best;
}

static PyObject *peak_rate(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    const char *level, *type;
    if (!PyArg_ParseTuple(arguments, "ss:peak", &level, &type))
        return NULL;
    for (const Peak *peak = PEAKS; peak->level; peak++)
        if (!strcmp(peak->level, level) && !strcmp(peak->type, type) && runs(peak))
            return PyFloat_FromDouble(measured(peak));
    return Py_NewRef(Py_None);
}

#endif
