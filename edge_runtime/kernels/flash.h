/* How kernels read tensors that are always constant: by a plain load, on AVR from flash.
 *
 * AVR is a Harvard machine: a const array lies in RAM, copied from flash at the start, unless
 * EK_FLASH leaves it in flash alone, where a plain load would read the RAM of the same address. So
 * the code that lays out tensors has to know which of them a kernel reads by ek_flash_<type>: those
 * of Kernel.flash in edge_runtime.ops, weights and constants of the lowering. They are EK_FLASH; all
 * others are not, even where they happen to be constant. A tensor read both ways is stored twice.
 *
 * LPM reaches the first 64 KiB, where the linker puts .progmem.data, just behind the vectors. */
#ifndef EK_FLASH_H
#define EK_FLASH_H

#include <stdint.h>

#ifdef __AVR_HAVE_LPMX__
#include <string.h>

#define EK_FLASH __attribute__((section(".progmem.data")))

static inline int8_t ek_flash_int8(const int8_t *from)
{
    int8_t value;
    __asm__("lpm %0, Z" : "=r"(value) : "z"(from));
    return value;
}

static inline uint8_t ek_flash_uint8(const uint8_t *from)
{
    return (uint8_t)ek_flash_int8((const int8_t *)from);
}

static inline int16_t ek_flash_int16(const int16_t *from)
{
    int16_t value;
    __asm__("lpm %A0, Z+\n\tlpm %B0, Z" : "=&r"(value), "+z"(from));
    return value;
}

static inline uint16_t ek_flash_uint16(const uint16_t *from)
{
    return (uint16_t)ek_flash_int16((const int16_t *)from);
}

/* In halves, because LLVM has no register of 32 bits for an asm. */
static inline int32_t ek_flash_int32(const int32_t *from)
{
    uint16_t low, high;
    __asm__("lpm %A0, Z+\n\tlpm %B0, Z+\n\tlpm %A1, Z+\n\tlpm %B1, Z"
            : "=&r"(low), "=&r"(high), "+z"(from));
    return (int32_t)((uint32_t)high << 16 | low);
}

static inline int64_t ek_flash_int64(const int64_t *from)
{
    const int32_t *words = (const int32_t *)from;
    const uint64_t high = (uint32_t)ek_flash_int32(words + 1);
    return (int64_t)(high << 32 | (uint32_t)ek_flash_int32(words));
}

static inline float ek_flash_float(const float *from)
{
    const int32_t bits = ek_flash_int32((const int32_t *)from);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
#else
#define EK_FLASH

static inline int8_t ek_flash_int8(const int8_t *from)
{
    return *from;
}

static inline uint8_t ek_flash_uint8(const uint8_t *from)
{
    return *from;
}

static inline int16_t ek_flash_int16(const int16_t *from)
{
    return *from;
}

static inline uint16_t ek_flash_uint16(const uint16_t *from)
{
    return *from;
}

static inline int32_t ek_flash_int32(const int32_t *from)
{
    return *from;
}

static inline int64_t ek_flash_int64(const int64_t *from)
{
    return *from;
}

static inline float ek_flash_float(const float *from)
{
    return *from;
}
#endif

#endif
