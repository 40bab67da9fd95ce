"""The example program of an exported model: the self-test, then one inference."""

from edge_runtime.meaning import LOGITS
from edgekit.convert.c import camera, layout, naming
from edgekit.convert.c.facts import Facts, Port

HOST = """\
int main(void)
{
    return run();
}
"""


def render(
    facts: Facts, about: str, *, entry: str = HOST, say: str = "printf", include: str = "<stdio.h>"
) -> str:
    """Return the text of the program.

    Args:
        facts: facts of the model.
        about: the comment at the head of the file.
        entry: the function that the platform starts; it calls ``run``, which returns 0 when all
            went well.
        say: the platform's printf, which need not know floats.
        include: the header that declares it.
    """
    name = facts.name
    buffers = naming.buffers(facts)
    pointers = "".join(f"    {line}\n" for line in naming.pointers(facts))
    inputs = "".join(camera.statements(facts, port) for port in facts.inputs)
    return f"""\
{about}
#include {include}

#include "{name}.h"

{buffers}{camera.functions(facts)}
static int run(void)
{{
{pointers}
    if ({name}_selftest() != 0) {{
        {say}("{name}: self-test FAILED\\n");
        return 1;
    }}
    {say}("{name}: self-test passed\\n");

{inputs}{layout.wrapped(f"if ({name}_run({naming.arguments(facts)}) != 0)", "    ")}
        return 1;
{_answer(facts, say)}    return 0;
}}

{entry}"""


def _answer(facts: Facts, say: str) -> str:
    """Return the statements that print the answer, in thousandths: printf need not know floats."""
    name = facts.name
    if facts.scores_anomalies:
        return f"""\
    const int is_anomaly = {naming.is_anomaly(facts)};
    {say}("{name}: %s\\n", is_anomaly ? "an anomaly" : "normal");
"""
    if not facts.classes:
        return "".join(_numbers(facts, port, say) for port in facts.outputs)
    shown, form = (f"{name}_labels[best]", "%s") if facts.labels else ("best", "class %d")
    score = "logit" if facts.meaning == LOGITS else "score"
    return f"""\
    const int best = {name}_best(output);
    const int score = (int)({name}_score(output, best) * 1000.0f);
    {say}("{name}: {form}, {score} %d/1000\\n", {shown}, score);
"""


def _numbers(facts: Facts, port: Port, say: str) -> str:
    """Return the statement that prints the first numbers of an output."""
    suffix, buffer = naming.suffix(facts, port), naming.buffer(facts, port)
    value, form = f"(int)({facts.name}_value{suffix}({buffer}, i) * 1000.0f)", "%d/1000"
    if port.dtype != "float32" and port.scale is None:
        value, form = f"(long){buffer}[i]", "%ld"
    what = buffer.replace("_", " ", 1)
    return f"""\
    for (int i = 0; i < {naming.macro(facts, port, "SIZE")} && i < 10; i++)
        {say}("{facts.name}: {what} %d is {form}\\n", i, {value});
"""
