"""The score of anomalies in C: how far an output is from the input that it rebuilds.

It is what ``edge_runtime.anomaly`` calculates, bit for bit.
"""

from math import floor

from edge_runtime import anomaly
from edge_runtime.anomaly import Steps
from edge_runtime.meaning import ANOMALY
from edgekit.convert.c import naming
from edgekit.convert.c.facts import Facts, Port


def scored(facts: Facts) -> bool:
    """Return whether the model has a score of anomalies."""
    return facts.task == ANOMALY and len(facts.ports) == 2


def declaration(facts: Facts) -> str:
    """Return what the header says about the score."""
    from edgekit.convert.c import text  # loads NumPy, which --help does without

    name, upper, [source, output] = facts.name, facts.name.upper(), facts.ports
    counted = _steps(facts)
    if counted:
        kind, what = "uint64_t", f"{upper}_SCORE_UNIT times the result is their mean"
        unit = f"#define {upper}_SCORE_UNIT {text.real(counted.unit)}\n"
    else:
        kind, what, unit = "float", "their mean", ""
    threshold = ""
    if facts.threshold is not None:
        limit = (
            f"{floor(facts.threshold / counted.unit)}ULL" if counted else text.real(facts.threshold)
        )
        threshold = f"#define {upper}_THRESHOLD {limit}\n"
    above = f"\n * Above {upper}_THRESHOLD the input is an anomaly." if threshold else ""
    parameters = f"const {naming.array(facts, source, 'input')}"
    start = f"{kind} {name}_score("
    return f"""\
/* Returns how far an output is from the input that it was rebuilt from, by their squared
 * differences on the model's scale: {what}.{above}
 * The input is in a buffer of yours, where {name}_run leaves it as it is. */
{unit}{threshold}{start}{parameters},
{" " * len(start)}const {naming.array(facts, output, "output")});
"""


def definition(facts: Facts) -> str:
    """Return the function."""
    from edgekit.convert.c import text  # loads NumPy, which --help does without

    [source, output], counted = facts.ports, _steps(facts)
    kind = "uint64_t" if counted else "float"
    start = f"{kind} {facts.name}_score("
    head = (
        f"{start}const {naming.array(facts, source, 'input')},\n"
        f"{' ' * len(start)}const {naming.array(facts, output, 'output')})"
    )
    size = naming.macro(facts, source, "SIZE")
    if counted is None:
        return f"""\
{head}
{{
    float sum = 0.0f;
    for (int32_t i = 0; i < {size}; i++) {{
        const float difference = {_real(facts, output, "output")} - {_real(facts, source, "input")};
        const float square = difference * difference;
        sum += square;
    }}
    return sum / {text.real(source.elements)};
}}
"""
    signed, unsigned = ("int64_t", "uint64_t") if counted.dropped else ("int32_t", "uint32_t")
    dropped = f" >> {counted.dropped}" if counted.dropped else ""
    ahead = _levels(facts, output, "output", signed, counted.output)
    behind = _levels(facts, source, "input", signed, counted.input)
    return f"""\
{head}
{{
    uint64_t sum = 0;
    for (int32_t i = 0; i < {size}; i++) {{
        const {signed} ahead = {ahead};
        const {signed} behind = {behind};
        const {signed} apart = ahead > behind ? ahead - behind : behind - ahead;
        const uint64_t steps = ({unsigned})apart{dropped};
        sum += steps * steps;
    }}
    return sum;
}}
"""


def _steps(facts: Facts) -> Steps | None:
    source, output = facts.ports
    return anomaly.counted(source, output, source.elements)


def _levels(facts: Facts, port: Port, name: str, signed: str, factor: int) -> str:
    """Return the C expression of an element in steps."""
    return f"(({signed}){name}[i] - {naming.macro(facts, port, 'ZERO_POINT')}) * {factor}"


def _real(facts: Facts, port: Port, name: str) -> str:
    """Return the C expression of the number that an element stands for."""
    element = f"{name}[i]"
    if port.scale is None:
        return element
    zero_point, scale = (naming.macro(facts, port, what) for what in ("ZERO_POINT", "SCALE"))
    return f"(float)({element} - {zero_point}) * {scale}"
