"""The score of anomalies in C: how far an output is from the input that it rebuilds.

It is what ``edge_runtime.anomaly`` calculates, bit for bit.
"""

from edge_runtime import anomaly
from edge_runtime.anomaly import Steps
from edgekit.convert.c import naming, text
from edgekit.convert.c.facts import Facts, Port


def declaration(facts: Facts) -> str:
    """Return what the header says about the score."""
    name, upper, [source, output] = facts.name, facts.name.upper(), facts.ports
    counted = _steps(facts)
    assert facts.threshold is not None
    limit = anomaly.raw_threshold(facts.threshold, counted)
    if counted:
        kind, what = "uint64_t", f"{upper}_SCORE_UNIT times the result is their mean"
        unit, most = f"#define {upper}_SCORE_UNIT {text.real(counted.unit)}\n", f"{limit}ULL"
    else:
        kind, what, unit, most = "float", "their mean", "", text.real(limit)
    parameters = f"const {naming.array(facts, source, 'input')}"
    start = f"{kind} {name}_score("
    return f"""\
/* Returns how far an output is from the input that it was rebuilt from, by their squared
 * differences on the model's scale: {what}.
 * Above {upper}_THRESHOLD the input is an anomaly.
 * The input is in a buffer of yours, where {name}_run leaves it as it is. */
{unit}#define {upper}_THRESHOLD {most}
{start}{parameters},
{" " * len(start)}const {naming.array(facts, output, "output")});
"""


def definition(facts: Facts) -> str:
    """Return the function."""
    [source, output], counted = facts.ports, _steps(facts)
    kind = "uint64_t" if counted else "float"
    start = f"{kind} {facts.name}_score("
    head = (
        f"{start}const {naming.array(facts, source, 'input')},\n"
        f"{' ' * len(start)}const {naming.array(facts, output, 'output')})"
    )
    size = naming.macro(facts, source, "SIZE")
    if counted is None:
        ahead = naming.real(facts, output, "output[i]")
        behind = naming.real(facts, source, "input[i]")
        return f"""\
{head}
{{
    float sum = 0.0f;
    for (int32_t i = 0; i < {size}; i++) {{
        const float difference = {ahead} - {behind};
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
