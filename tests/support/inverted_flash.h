/* In place of flash.h: a flash whose bits are all inverted. */
#ifndef EK_FLASH_H
#define EK_FLASH_H

#include <stdint.h>
#include <string.h>

#define INVERTED(name, type, bits)                                                                 \
    static inline type ek_flash_##name(const type *from)                                           \
    {                                                                                              \
        bits stored;                                                                               \
        type value;                                                                                \
        memcpy(&stored, from, sizeof stored);                                                      \
        stored = (bits)~stored;                                                                    \
        memcpy(&value, &stored, sizeof value);                                                     \
        return value;                                                                              \
    }

INVERTED(int8, int8_t, uint8_t)
INVERTED(uint8, uint8_t, uint8_t)
INVERTED(int16, int16_t, uint16_t)
INVERTED(uint16, uint16_t, uint16_t)
INVERTED(int32, int32_t, uint32_t)
INVERTED(int64, int64_t, uint64_t)
INVERTED(float, float, uint32_t)

#endif
