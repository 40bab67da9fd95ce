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

ek_kernel ek_fully_connected_int8;
ek_kernel ek_fully_connected_float32;
ek_kernel ek_logistic_float32;
ek_kernel ek_lookup_int8;

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define EK_X86 1
ek_kernel ek_fully_connected_int8_avx512;
ek_packer ek_fully_connected_int8_avx512_pack;
ek_kernel ek_fully_connected_float32_avx512;
#endif

#endif
