"""The example program of an exported model: the self-test, then one inference."""

from edge_runtime.meaning import LOGITS
from edgekit.convert.c.facts import Facts

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
        facts: of the model.
        about: the comment at the head of the file.
        entry: the function that the platform starts; it calls ``run``, which returns 0 when all
            went well.
        say: the platform's printf, which need not know floats.
        include: the header that declares it.
    """
    name, upper = facts.name, facts.name.upper()
    zero = "0" if facts.input.zero_point is None else f"{upper}_INPUT_ZERO_POINT"
    what = "image" if facts.mean else "input"
    return f"""\
{about}
#include {include}

#include "{name}.h"

static {name}_input_t input[{upper}_INPUT_SIZE];
static {name}_output_t output[{upper}_OUTPUT_SIZE];

static int run(void)
{{
    if ({name}_selftest() != 0) {{
        {say}("{name}: self-test FAILED\\n");
        return 1;
    }}
    {say}("{name}: self-test passed\\n");

    for (int i = 0; i < {upper}_INPUT_SIZE; i++)
        input[i] = {zero}; /* your {what} goes here: {name}.h says how */
    if ({name}_run(input, output) != 0)
        return 1;
{_answer(facts, say)}    return 0;
}}

{entry}"""


def _answer(facts: Facts, say: str) -> str:
    """Return the statements that print the answer, in thousandths: printf need not know floats."""
    name, upper = facts.name, facts.name.upper()
    if not facts.classes:
        return f"""\
    for (int i = 0; i < {upper}_OUTPUT_SIZE && i < 10; i++)
        {say}("{name}: output %d is %d/1000\\n", i, (int)({name}_value(output, i) * 1000.0f));
"""
    shown, form = (f"{name}_labels[best]", "%s") if facts.labels else ("best", "class %d")
    score = "logit" if facts.meaning == LOGITS else "score"
    return f"""\
    const int best = {name}_best(output);
    const int score = (int)({name}_score(output, best) * 1000.0f);
    {say}("{name}: {form}, {score} %d/1000\\n", {shown}, score);
"""
