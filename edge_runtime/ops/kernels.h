/* The kernels, one calling convention for all: int32 parameters in the order of the record in
 * ops/<op>.py, and the flat tensors: inputs, constants of the lowering, output last. C99, no
 * allocation, no globals; the caller has checked sizes and alignment. */
#ifndef EK_KERNELS_H
#define EK_KERNELS_H

#include <stddef.h>
#include <stdint.h>

typedef void ek_kernel(const int32_t *params, void *const *tensors);

/* Writes weights in the order that a variant reads them and returns how many bytes that takes;
 * with packed == NULL it only returns the number. */
typedef size_t ek_packer(const int32_t *params, const void *weights, void *packed);

/* The portable kernels, which are everywhere. */
#define EK_KERNELS(X)                                                                              \
    X(fully_connected_float32)                                                                     \
    X(fully_connected_int8)                                                                        \
    X(logistic_float32)                                                                            \
    X(lookup_int8)

/* What some machines have besides: X(kernel, instruction set, packer or NULL). */
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define EK_X86 1
#define EK_VARIANTS(X)                                                                             \
    X(fully_connected_int8, avx512, ek_fully_connected_int8_avx512_pack)                           \
    X(fully_connected_float32, avx512, NULL)
ek_packer ek_fully_connected_int8_avx512_pack;
#else
#define EK_VARIANTS(X)
#endif

#define EK_DECLARE(name) ek_kernel ek_##name;
#define EK_DECLARE_VARIANT(name, level, pack) ek_kernel ek_##name##_##level;
EK_KERNELS(EK_DECLARE)
EK_VARIANTS(EK_DECLARE_VARIANT)
#undef EK_DECLARE
#undef EK_DECLARE_VARIANT

#endif
