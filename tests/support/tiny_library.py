"""A C library written by hand, small and real: two classes from four pixels."""

from dataclasses import replace

from edgekit.convert.c_library import CLibrary, Port

HEADER = """\
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef {upper}_H
#define {upper}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

typedef {ctype} {name}_input_t;
typedef {ctype} {name}_output_t;
#define {upper}_INPUT_SIZE 4
#define {upper}_OUTPUT_SIZE 2
#define {upper}_ARENA_SIZE 1
{quantised}
int {name}_run(const {name}_input_t input[{upper}_INPUT_SIZE],
               {name}_output_t output[{upper}_OUTPUT_SIZE]);
int {name}_selftest(void);
extern const char *const {name}_labels[2];

#ifdef __cplusplus
}}
#endif

#endif
"""

QUANTISED = """\
#define {upper}_INPUT_ZERO_POINT (-128)
"""

SOURCE = """\
#include "{name}.h"

static const {ctype} weights[2][4] = {{{{1, 2, -3, 0}}, {{-1, 0, 2, -2}}}};

const char *const {name}_labels[2] = {{"zero", "one"}};

int {name}_run(const {name}_input_t input[{upper}_INPUT_SIZE],
               {name}_output_t output[{upper}_OUTPUT_SIZE])
{{
    int o, i;
    for (o = 0; o < 2; o++) {{
        {sum} sum = 0;
        for (i = 0; i < 4; i++) {{
            sum += ({sum})input[i] * ({sum})weights[o][i];
        }}
        output[o] = ({ctype})(sum / 8);
    }}
    return 0;
}}
"""

SELFTEST = """\
#include <string.h>

#include "{name}.h"

int {name}_selftest(void)
{{
    static const {name}_input_t input[4] = {{8, 16, 24, 32}};
    static const {name}_output_t expected[2] = {{-4, -3}};
    {name}_output_t output[2];
    return {name}_run(input, output) != 0 || memcmp(output, expected, sizeof expected) != 0;
}}
"""

EXAMPLE = """\
#include <stdio.h>

#include "{name}.h"

int main(void)
{{
    const int wrong = {name}_selftest();
    printf("{name}: self-test %s\\n", wrong ? "FAILED" : "passed");
    return wrong;
}}
"""


def tiny_library(name: str = "digits", *, dtype: str = "int8") -> CLibrary:
    """Return the library of two classes, in int8 or float32."""
    is_float = dtype == "float32"
    words = {
        "name": name,
        "upper": name.upper(),
        "ctype": "float" if is_float else "int8_t",
        "sum": "float" if is_float else "int",
    }
    words["quantised"] = "" if is_float else QUANTISED.format_map(words)
    return CLibrary(
        name=name,
        header=HEADER.format_map(words),
        source=SOURCE.format_map(words),
        selftest=SELFTEST.format_map(words),
        example=EXAMPLE.format_map(words),
        model="model_int8.tflite",
        sha256="ab" * 32,
        version="0.1.0",
        labels=("zero", "one"),
        input=Port(dtype, (2, 2, 1), 4, None if is_float else 1 / 255, None if is_float else -128),
        output=Port(dtype, (2,), 2, None if is_float else 1 / 256, None if is_float else -128),
        arena=1,
        constants=8,
        weights=8,
        macs=8,
        ops=("FULLY_CONNECTED",),
    )


def sabotaged(library: CLibrary) -> CLibrary:
    """Return ``library`` with one weight changed."""
    return replace(library, source=library.source.replace("{{1, 2,", "{{1, 3,"))
