"""The C file of an exported model: the kernels that it uses, its constants, the run function.

Every name that the file defines contains the library's name, macros too but for EK_STEP and
EK_FLASH, so that the files of two models, perhaps of two versions of edgekit, may be compiled as
one.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from edge_runtime.planner.plan import Slot
from edgekit.convert.c import anomaly, audio, checksum, layout, naming, params, running, text
from edgekit.convert.c.blocks import definition, joined, merged, needed, switches
from edgekit.convert.c.conditions import branches, conditional, cores, grouped
from edgekit.convert.c.facts import Facts
from edgekit.convert.c.forms import ConstantArray, Form, Pieces, StepForms
from edgekit.convert.c.parse import Block
from edgekit.convert.c.rows import text as chains
from edgekit.convert.c.rows.plans import RowPlan
from edgekit.escape import LONGEST_STRING, c_characters, c_string

HEADERS = {"string.h": ("memcpy", "memset", "NULL"), "math.h": ("INFINITY",)}
"""Header of the standard library -> names that the text may use, besides integer types."""

VECTORS = {"EK_HELIUM": "arm_mve.h", "EK_RVV": "riscv_vector.h"}
"""Macro of a form -> the compiler's header that its kernels need."""

FLASH = "EK_FLASH"
"""Macro of flash.h for constants that lie in flash alone."""


UNUSED = """\
#if defined(__clang__) && defined(__thumb__) && !defined(__thumb2__)
#pragma clang diagnostic ignored "-Wunused-function" /* assembly stands in for some */
#endif
"""

CONTRACTION = """\
/* Products and sums are rounded one by one, as they were where the outputs were recorded. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif
"""

STEP = """\
#ifndef EK_STEP /* where `edgekit bench` puts a label, to count the instructions of each op */
#define EK_STEP(index)
#endif
"""


def render(
    facts: Facts,
    about: str,
    steps: Sequence[StepForms],
    states: Sequence[running.Kept] = (),
    by_rows: RowPlan | None = None,
) -> str:
    """Return the text of ``<name>.c``.

    Args:
        facts: facts of the model.
        about: the comment at the head of the file.
        steps: in execution order.
        states: what the arena keeps between calls.
        by_rows: the plan, where some steps run row by row.
    """
    name = facts.name
    macros = list(dict.fromkeys(macro for step in steps for macro in step.macros))
    forms = {core: [step.form(core) for step in steps] for core in cores(macros)}
    every = [form for step in steps for _, form in step.forms]
    of_audio = audio.constants(facts)
    constants = {one.name: one for form in every for one in form.constants}
    constants |= {one.name: one for one in of_audio}
    arrays = grouped(
        {
            core: [*_constants(of_core), *(one.name for one in of_audio)]
            for core, of_core in forms.items()
        }
    )
    asked = [block for macro, block in switches().items() if macro in macros]
    asked += definition("flash.h", FLASH)
    asked += checksum.readers(constants.values())
    asked += chains.blocks(by_rows)
    hearing = [one for one in audio.blocks(facts) if one not in asked]
    everywhere = [*asked, *hearing]
    kernels = grouped({core: _kernels(of_core, everywhere) for core, of_core in forms.items()})
    blocks = [block for group in kernels.values() for block in group]
    mergeable = [*hearing, *blocks]
    joinable = dict(zip(mergeable, merged(mergeable), strict=True))
    names = {one for block in (*asked, *joinable.values()) for one in block.names}
    names = {*names, *checksum.NAMES} - {FLASH}
    renames = {one: f"{name}_ek_{one.removeprefix('ek_')}" for one in names}
    # A file's own function may be called f where another file has ek_f.
    renames |= {one: f"{name}_ek_own_{one}" for one in names if f"ek_{one}" in names}
    called = {macro: renames[macro] for macro in macros}
    renames |= {one: f"{one}_of_{name}" for one in constants}
    of_kernels = [
        (where, joined(joinable[one] for one in group)) for where, group in kernels.items()
    ]
    tables = [
        (where, _arrays((constants[one] for one in group), renames))
        for where, group in arrays.items()
    ]
    whole = chains.whole(by_rows, steps)
    alike = params.shared(name, whole)
    in_whole = {core: [step.form(core) for step in whole] for core in forms}
    first = [
        "/* ---- kernels: edgekit's own, as they run on the host ---- */\n",
        joined(asked),
        *([joined(joinable[one] for one in hearing)] if hearing else []),
        *(f"#ifdef {one}\n#include <{VECTORS[one]}>\n#endif\n" for one in macros if one in VECTORS),
        conditional(of_kernels, called, between="\n"),
        "/* ---- constants ---- */\n",
    ]
    code = "\n".join(
        [
            text.renamed("\n".join(first), renames),
            # Tables are long: they are printed under their names, and not looked through.
            conditional(tables, called, between="\n"),
            text.renamed(checksum.render(name, constants, arrays, called), renames),
            *([_labels(facts)] if facts.labels else []),
            "/* ---- the model ---- */\n",
            params.arrays(alike, in_whole, called),
            _run_in(facts, steps, renames, by_rows, alike),
            running.functions(facts, states),
            text.renamed(audio.functions(facts), renames),
            *([anomaly.definition(facts)] if facts.scores_anomalies else []),
            f"#undef {FLASH}\n",
        ]
    )
    headers = [f"#include <{one}>" for one, names in HEADERS.items() if _mentions(code, names)]
    head = [about, f'#include "{name}.h"', "", "#include <stddef.h>", "#include <stdint.h>"]
    unused = [UNUSED] if "__thumb2__" in code else []
    floats = [CONTRACTION] if _mentions(code, ("float ", "double ")) else []
    return "\n".join(["\n".join([*head, *headers, ""]), *unused, *floats, STEP, code])


def _mentions(code: str, names: Iterable[str]) -> bool:
    return any(name in code for name in names)


def _kernels(forms: Iterable[Form], asked: Sequence[Block]) -> list[Block]:
    """Return the blocks that forms need, but not ``asked``."""
    blocks = needed(dict.fromkeys(f"ek_{form.kernel}" for form in forms))
    return [one for one in blocks if one not in asked]


def _constants(forms: Iterable[Form]) -> list[str]:
    return list(dict.fromkeys(one.name for form in forms for one in form.constants))


def _arrays(constants: Iterable[ConstantArray], names: Mapping[str, str]) -> str:
    return "\n".join(
        text.array(
            names[one.name],
            one.values,
            storage=f"static const{f' {FLASH}' if one.flash else ''}",
        )
        for one in constants
    )


def _labels(facts: Facts) -> str:
    name, arrays, items = facts.name, list[str](), list[str]()
    for index, label in enumerate(facts.labels):
        characters = c_characters(label)
        if len(characters) - 1 <= LONGEST_STRING:
            items.append(c_string(label))
        else:
            items.append(f"label_{index}_of_{name}")
            content = layout.filled(characters, "    ")
            arrays.append(f"static const char {items[-1]}[] = {{\n{content}\n}};\n")
    listed = layout.filled(items, "    ")
    _, count = naming.labelled(facts)
    table = f"const char *const {name}_labels[{count}] = {{\n{listed}\n}};\n"
    return "\n".join([*arrays, table])


def _run_in(
    facts: Facts,
    steps: Sequence[StepForms],
    names: Mapping[str, str],
    by_rows: RowPlan | None,
    alike: Mapping[params.Params, str],
) -> str:
    """Return the function that runs the model.

    Args:
        facts: facts of the model.
        steps: in execution order.
        names: names of kernels, constants and macros -> those that they have in the file.
        by_rows: the plan, where some steps run row by row.
        alike: names of the parameters that several steps have.
    """
    name = facts.name
    tensors = [one for step in steps for _, form in step.forms for one in form.tensors]
    pointers = " || ".join(f"!{port.name}" for port in facts.ports)
    fed = by_rows is not None and by_rows.fed is not None
    head = [f"int {name}_run_in(void *arena,", f"    {layout.lines(naming.parameters(facts))})"]
    if fed:
        head = [f"int {name}_feed_row_in(void *arena, int32_t row,"]
        head.append(f"    {layout.lines(naming.row_parameters(facts))})")
    lines = [
        f"struct {name}_alignment {{",
        "    char first;",
        "    int64_t number;",
        "};",
        "",
        *head,
        "{",
        f"    if (!arena || (uintptr_t)arena % offsetof(struct {name}_alignment, number) != 0)",
        "        return -1;",
        layout.wrapped(f"if ({pointers})", "    "),
        "        return -1;",
    ]
    if any(isinstance(one, Slot) and one.place == "arena" for one in tensors):
        lines.append("    uint8_t *const memory = (uint8_t *)arena;")
    if by_rows is not None and fed:
        lines += chains.feed_start(by_rows, facts.inputs[0].name, names)
    in_chains = chains.texts(by_rows, steps, names, partial(_operand, facts, names=names))
    for index, step in enumerate(steps):
        lines += in_chains.get(index) or _step(facts, index, step, names, alike)
    return "\n".join([*lines, f"    EK_STEP({len(steps)})", "    return 0;", "}", ""])


def _step(
    facts: Facts,
    index: int,
    step: StepForms,
    names: Mapping[str, str],
    alike: Mapping[params.Params, str],
) -> list[str]:
    """Return the lines that run a step as a whole."""
    calls = branches(step.forms, names, lambda form: _call(facts, form, names, alike))
    return ["", f"    EK_STEP({index}) /* {step.op} */", *calls]


def _call(
    facts: Facts, form: Form, names: Mapping[str, str], alike: Mapping[params.Params, str]
) -> list[str]:
    own = params.of_form(form)
    operands = [_operand(facts, one, names) for one in form.tensors]
    # Lines are broken as if constants had their short names.
    lengths = [len(_operand(facts, one, {})) for one in form.tensors]
    if form.pieces:
        return _call_pieces(form, form.pieces, names, (operands, lengths), alike)
    return [
        "    {",
        *([] if own in alike else params.local("params", own)),
        "        void *const tensors[] = {",
        layout.filled(operands, "            ", lengths),
        "        };",
        f"        {names[f'ek_{form.kernel}']}({alike.get(own, 'params')}, tensors);",
        "    }",
    ]


def _call_pieces(
    form: Form,
    pieces: Pieces,
    names: Mapping[str, str],
    tensors: tuple[list[str], list[int]],
    alike: Mapping[params.Params, str],
) -> list[str]:
    """Return the calls of a kernel in pieces, the last positions first.

    Args:
        form: the form.
        pieces: its pieces.
        names: as in ``_run_in``.
        tensors: the operands, and their columns with short names.
        alike: as in ``_run_in``.
    """
    operands, lengths = tensors
    (source, target), function = pieces.strides, names[f"ek_{form.kernel}"]
    ends = f"ek_from + {pieces.count * source}", f"ek_to + {pieces.count * target}"
    inner = list(operands)
    inner[0], inner[pieces.output] = ends
    own = params.of_form(form)
    rest = params.local("ek_rest", tuple(pieces.rest.items())) if pieces.rest else []
    return [
        "    {",
        *([] if own in alike else params.local("params", own)),
        *rest,
        f"        uint8_t *const ek_from = (uint8_t *){_pointer(operands[0])};",
        f"        uint8_t *const ek_to = (uint8_t *){_pointer(operands[pieces.output])};",
        "        void *tensors[] = {",
        layout.filled(inner, "            ", lengths),
        "        };",
        *([f"        {function}(ek_rest, tensors);"] if pieces.rest else []),
        f"        for (int32_t ek_piece = {pieces.count - 1}; ek_piece >= 0; ek_piece--) {{",
        f"            tensors[0] = ek_from + ek_piece * {source};",
        f"            tensors[{pieces.output}] = ek_to + ek_piece * {target};",
        f"            {function}({alike.get(own, 'params')}, tensors);",
        "        }",
        "    }",
    ]


def _pointer(operand: str) -> str:
    """Return an operand as what a cast may precede."""
    return operand.removeprefix("(void *)") if operand.startswith("(") else f"({operand})"


def _operand(facts: Facts, tensor: ConstantArray | Slot | None, names: Mapping[str, str]) -> str:
    if tensor is None:
        return "NULL"
    if isinstance(tensor, ConstantArray):
        return f"(void *){names.get(tensor.name, tensor.name)}"
    if tensor.place == "arena":
        return f"memory + {tensor.offset}"
    ports = facts.inputs if tensor.place == "input" else facts.outputs
    return f"(void *){ports[tensor.offset].name}"
