"""What exported C calls a model's inputs and outputs.

Types, macros and parameters bear the name of the port. Functions and buffers do so only where there
are several inputs, or several outputs: ``m_quantize_float()`` and ``m_quantize_float_left()``.
"""

from edge_runtime.meaning import MULTILABEL
from edgekit.convert.c.facts import Facts, Port


def suffix(facts: Facts, port: Port) -> str:
    """Return the end of the names of functions for a port: "", or its name behind "_"."""
    ports = facts.inputs if port in facts.inputs else facts.outputs
    return f"_{port.name}" if len(ports) > 1 else ""


def buffer(facts: Facts, port: Port) -> str:
    """Return the name of an array for a port outside of the run functions: "input_left".

    The port's name alone might be that of a function: "printf".
    """
    return f"{'input' if port in facts.inputs else 'output'}{suffix(facts, port)}"


def place(facts: Facts, port: Port) -> str:
    """Return the name of the function that tells where the arena has room for a port."""
    return f"{facts.name}_{buffer(facts, port)}"


def pointers(facts: Facts) -> list[str]:
    """Return the definitions of pointers to those places, named as the ports' buffers."""
    return [
        f"{c_type(facts, port)} *const {buffer(facts, port)} = {place(facts, port)}();"
        for port in facts.ports
        if port.offset is not None
    ]


def buffers(facts: Facts) -> str:
    """Return the definitions of buffers of the caller's, and an empty line; "" without any."""
    kept = (port for port in facts.ports if port.offset is None)
    lines = [f"static {array(facts, port, buffer(facts, port))};\n" for port in kept]
    return "".join([*lines, "\n"]) if lines else ""


def c_type(facts: Facts, port: Port) -> str:
    """Return the name of a port's element type."""
    return f"{facts.name}_{port.name}_t"


def macro(facts: Facts, port: Port, what: str) -> str:
    """Return the macro of a port's "SIZE", "OFFSET", "SCALE" or "ZERO_POINT"."""
    return f"{facts.name}_{port.name}_{what}".upper()


def zero(facts: Facts, port: Port) -> str:
    """Return the C expression for an element of a port that stands for 0."""
    return "0" if port.zero_point is None else macro(facts, port, "ZERO_POINT")


def real(facts: Facts, port: Port, element: str) -> str:
    """Return the C expression of the number that an element of a port stands for, a float."""
    if port.scale is None:
        return element if port.dtype == "float32" else f"(float){element}"
    zero_point, scale = macro(facts, port, "ZERO_POINT"), macro(facts, port, "SCALE")
    return f"(float)({element} - {zero_point}) * {scale}"


def array(facts: Facts, port: Port, name: str) -> str:
    """Return the declarator of an array for a port: "m_left_t left[M_LEFT_SIZE]"."""
    return f"{c_type(facts, port)} {name}[{macro(facts, port, 'SIZE')}]"


def parameters(facts: Facts) -> list[str]:
    """Return the parameters of the run function: one for each input, then for each output."""
    return [
        *(f"const {array(facts, port, port.name)}" for port in facts.inputs),
        *(array(facts, port, port.name) for port in facts.outputs),
    ]


def row_parameters(facts: Facts) -> list[str]:
    """Return the parameters of the function that takes a row of the only input."""
    [port] = facts.inputs
    row = f"const {c_type(facts, port)} {port.name}[{facts.name.upper()}_ROW_SIZE]"
    return [row, *(array(facts, port, port.name) for port in facts.outputs)]


def arguments(facts: Facts) -> str:
    """Return the arguments of a call of the run function with the buffers of all ports."""
    return ", ".join(buffer(facts, port) for port in facts.ports)


def is_anomaly(facts: Facts) -> str:
    """Return the C expression of whether a detector's input, after a run, is an anomaly."""
    name, buffers = facts.name, arguments(facts)
    return f"{name}_score({buffers}) > {name.upper()}_THRESHOLD"


def raw_array(facts: Facts) -> str:
    """Return what an array of raw inputs is called."""
    return "features" if facts.features or facts.audio else "pixels"


def raw_inputs(facts: Facts) -> tuple[str, ...]:
    """Return the names of a header's functions for the only input, after the library's."""
    if facts.features:
        return ("from_features",)
    if not facts.framed:
        return ()
    colours = ("from_rgb888", "from_rgb565") if facts.takes_pictures else ()
    return ("from_u8", *colours)


def labelled(facts: Facts) -> tuple[str, str]:
    """Return what the model has names of, and the macro of their number."""
    if facts.task == MULTILABEL:
        return "label", f"{facts.name.upper()}_LABELS"
    return "class", f"{facts.name.upper()}_CLASSES"
