/* Zephyr's printk() on the host; like Zephyr's, it knows no floats. */
#ifndef ZEPHYR_INCLUDE_SYS_PRINTK_H_
#define ZEPHYR_INCLUDE_SYS_PRINTK_H_

#include <stdio.h>

#define printk printf

#endif
