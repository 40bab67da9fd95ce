"""Labels and names that files could have, with the special characters of many formats."""

import re

from hypothesis import strategies as st

PIECES = (
    *("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x1b[31m", "\0", "\x07", "\b", "\x7f"),
    *("\n", "\r", "\r\n", "\t", "\v", "\x85", "\u2028", "\u2029", "\xa0", "\u3000", "  "),
    *("\u202e", "\u2066", "\u2069", "\u200f", "\u200b", "\ufeff", "\U000e0041", "\ud800", "\udcff"),
    *("|", "`", "``", "\\", "\\|", "*", "_", "~~", "#", "- ", "1. ", "+", "---", "===", "[a](b)"),
    *("![x](y)", "> ", "    x", "://", "http://x.y", "www.x.y", "<b>", "&lt;", "&#10;", "@a"),
    *("<script>alert(1)</script>", "</textarea>", "</title>", "<!--", "-->", "]]>", "<?"),
    *("'", '"', "<img src=x onerror=alert(1)>", "javascript:alert(1)", "*/", "/*", "//", "\\\n"),
    *("??/", "??'", "$x$", "$\\price$", "${VAR}", "$<1:x>", "%s", "%n", ";", "; touch marked"),
    *("$(touch marked)", "a: b", "# no comment", "- x", "{x}", "!tag", "=1+1", "-1", "@SUM(1)"),
    *("a,b", "=", "--"),
    *("e\u0301", "a" + "\u0300" * 60, "日本語", "🦀", "👨\u200d👩\u200d👧", "عربى", "x" * 60, "é"),
)

TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=6).map("".join)

LABELS = (
    *PIECES,
    *("".join(PIECES[i::7]) for i in range(7)),
    "".join(PIECES),
    "x" * 5000,
    "é" * 2048,
)
"""Labels for tests that try all at once, because a compiler or a browser is slow to start."""

WORKING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Characters that control a terminal or a page, or that are not text; not the product's list."""
