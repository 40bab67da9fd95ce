/* The tiles of AMX: 8 registers of 16 rows of 64 bytes. */
#ifndef EK_TILES_H
#define EK_TILES_H

#include <stdint.h>

enum { EK_TILE_REGISTERS = 8, EK_TILE_ROWS = 16, EK_TILE_BYTES = 64 };

/* What LDTILECFG reads: the shape of each tile. */
typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} EkTileShapes;

/* All tiles as large as they can be. */
static inline EkTileShapes ek_full_tiles(void)
{
    EkTileShapes shapes = {.palette = 1};
    for (int i = 0; i < EK_TILE_REGISTERS; i++) {
        shapes.row_bytes[i] = EK_TILE_BYTES;
        shapes.rows[i] = EK_TILE_ROWS;
    }
    return shapes;
}

#endif
