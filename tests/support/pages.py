"""HTML pages as tests read them."""

import re
from html.parser import HTMLParser

HOSTILE = "<script>alert('x')</script>|`*_[a](b)&\"\n\x00\x1b.tflite"
"""Name of a file that is a danger to all formats."""

VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Reads a page, and raises when its tags are not balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def widths(page: str) -> list[float]:
    """Return the widths of the bars of a drawn network's layers in percent."""
    return [float(one) for one in re.findall(r'class="ours" x="[\d.]+%" width="([\d.]+)%"', page)]
