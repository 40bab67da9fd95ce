/* What every kernel's file needs: the calling convention, and what the file is compiled for.
 *
 * A kernel reads int32 parameters, in the order of the struct beside it, and flat tensors: inputs,
 * constants of the lowering, outputs, scratch. C99, no allocation, no globals; the caller has
 * checked sizes and alignment. */
#ifndef EK_KERNEL_H
#define EK_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Cortex-M cores with the DSP extension, and a compiler that takes their assembly. */
#if defined(__ARM_FEATURE_DSP) && __ARM_ARCH_PROFILE == 'M' && defined(__GNUC__) &&                \
    !defined(__ARM_BIG_ENDIAN)
#define EK_DSP 1
#endif

/* Cortex-M cores with vectors of integers, Helium. */
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1) && defined(__GNUC__) &&                  \
    !defined(__ARM_BIG_ENDIAN)
#define EK_HELIUM 1
#endif

/* RISC-V cores with vectors of 32-bit integers, and a compiler that has their functions. */
#if defined(__riscv_vector) && defined(__riscv_v_intrinsic) && __riscv_v_intrinsic >= 12000 &&     \
    __riscv_v_min_vlen >= 64
#define EK_RVV 1
#endif

/* Cortex-M cores with a single-precision FPU that code may use. */
#if defined(__ARM_FP) && (__ARM_FP & 4) && !defined(__SOFTFP__) && __ARM_ARCH_PROFILE == 'M' &&    \
    defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define EK_FPU 1
#endif

/* Files whose loops gain nothing from what -O3 does to them, and grow to three times their size. */
#if defined(EK_ROLLED) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2", "tree-vectorize")
#endif

/* Files that run only where a model is exported, or seldom and for a moment. */
#if defined(EK_SMALL) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define EK_X86 1
/* Compilers that have the dot products, with assemblers that have SMMLA; the older ones get the
 * portable kernels. */
#elif defined(__aarch64__) && defined(__GNUC__) &&                                                 \
    (!defined(__clang__) ? __GNUC__ >= 10                                                          \
                         : defined(__ARM_FEATURE_DOTPROD) || __clang_major__ >= 16)
#define EK_ARM64 1
#endif

typedef void ek_kernel(const int32_t *params, void *const *tensors);

/* That a variant with a packer reads. */
enum { EK_MOST_PARAMS = 32 };
enum { EK_MOST_TENSORS = 32 };

/* What a variant reads in place of a kernel's own parameters and constants. */
typedef struct {
    int32_t count; /* of params; 0: the kernel's own */
    int32_t params[EK_MOST_PARAMS];
    size_t sizes[EK_MOST_TENSORS];  /* bytes of each tensor in the variant's form; 0: as it is */
    void *tensors[EK_MOST_TENSORS]; /* where to write those; all NULL: only the rest is asked for */
} ek_packing;

/* Packs for a variant, whose function then reads params and tensors of packing where these are
 * there. Returns 0 for "not these parameters" or constants, and the next level is tried.
 *
 * params are the kernel's own and its hints (Kernel.hints of ops/call.py), tensors the kernel's,
 * NULL where they are not constant. The caller zeroes packing, calls for the sizes, allocates, and
 * calls again with the same packing. */
typedef int ek_packer(const int32_t *params, void *const *tensors, ek_packing *packing);

/* Bytes of scratch memory, the last tensor, that a variant needs with the params that it reads. */
typedef size_t ek_scratch(const int32_t *params);

/* What a kernel is called and compiled for, where <op>_avx2.c compiles <op>.c once more. */
#if defined(EK_AVX2) && defined(EK_X86)
#define EK(name) ek_##name##_avx2
#define EK_TARGET __attribute__((target("avx2")))
#else
#define EK(name) ek_##name
#define EK_TARGET
#endif

#endif
