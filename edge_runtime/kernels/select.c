/* SELECT and SELECT_V2; the meaning is defined in select.py. */
#define EK_ROLLED
#include "kernel.h"

#include "broadcast.h"

typedef struct {
    int32_t size;
} Select;

/* A row of elements of a type, which are copied as bytes: they may be of another type. */
#define EK_SELECT(type)                                                                            \
    do {                                                                                           \
        const type *x = (const type *)tensors[1] + x_start;                                        \
        const type *y = (const type *)tensors[2] + y_start;                                        \
        type *output = (type *)tensors[4] + start;                                                 \
        for (int32_t i = 0; i < count; i++, condition += moves, x += x_moves, y += y_moves)        \
            memcpy(&output[i], *condition ? x : y, sizeof(type));                                  \
    } while (0)

/* tensors: input uint8 of conditions, inputs x and y, loops int32 [4][EK_LOOPS], output. */
void ek_select(const int32_t *params, void *const *tensors)
{
    const Select *p = (const Select *)params;
    const int32_t *sizes = (const int32_t *)tensors[3], *strides = sizes + EK_LOOPS;
    const int32_t *x_strides = strides + EK_LOOPS, *y_strides = x_strides + EK_LOOPS;
    const int32_t count = ek_flash_int32(&sizes[EK_LOOPS - 1]), rows = ek_rows(sizes);
    const int32_t moves = ek_flash_int32(&strides[EK_LOOPS - 1]);
    const int32_t x_moves = ek_flash_int32(&x_strides[EK_LOOPS - 1]);
    const int32_t y_moves = ek_flash_int32(&y_strides[EK_LOOPS - 1]);
    const int32_t size = p->size;
    ptrdiff_t start = 0;
    for (int32_t row = 0; row < rows; row++, start += (ptrdiff_t)count) {
        const uint8_t *condition = (const uint8_t *)tensors[0] + ek_row(sizes, strides, row);
        const ptrdiff_t x_start = ek_row(sizes, x_strides, row);
        const ptrdiff_t y_start = ek_row(sizes, y_strides, row);
        if (size == 1)
            EK_SELECT(uint8_t);
        else if (size == 2)
            EK_SELECT(uint16_t);
        else if (size == 4)
            EK_SELECT(uint32_t);
        else
            EK_SELECT(uint64_t);
    }
}
