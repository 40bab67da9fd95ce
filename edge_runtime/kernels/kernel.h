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

#if defined(__x86_64__) && defined(__GNUC__)
#define EK_X86 1
/* Compilers that have the dot products; the older ones get the portable kernels. */
#elif defined(__aarch64__) && defined(__GNUC__) &&                                                 \
    (defined(__ARM_FEATURE_DOTPROD) || (defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 8))
#define EK_ARM64 1
#endif

typedef void ek_kernel(const int32_t *params, void *const *tensors);

/* Writes constants in the form in which a variant reads them, in place of tensor 1, and returns how
 * many bytes that takes; with packed == NULL it only returns the number. */
typedef size_t ek_packer(const int32_t *params, void *const *tensors, void *packed);

/* What a kernel is called and compiled for, where <op>_avx2.c compiles <op>.c once more. */
#if defined(EK_AVX2) && defined(EK_X86)
#define EK(name) ek_##name##_avx2
#define EK_TARGET __attribute__((target("avx2")))
#else
#define EK(name) ek_##name
#define EK_TARGET
#endif

#endif
