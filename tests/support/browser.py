"""Pages as a headless browser shows them, where there is one."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# A window of 500 pixels is the narrowest that it has.
OPTIONS = """--headless --window-size=500,900 --no-sandbox --disable-gpu --disable-quic
    --no-first-run --disable-background-networking --disable-component-update
    --disable-sync""".split()

ANSWER = """<script>
    document.body.innerHTML = '<pre></pre>';
    document.querySelector('pre').textContent = btoa(JSON.stringify(answer).replace(
        /[^ -~]/g, c => '\\\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')));
</script>"""


def evaluate(source: str, script: str, folder: Path, *, dark: bool = False) -> Any:
    """Return the value of ``answer`` that a script assigns, once the page is read.

    Args:
        source: the page; the script, and another one, are put at its end.
        script: JavaScript.
        folder: where the page and the browser's own files go.
        dark: whether the page is asked for dark colours.
    """
    page = folder / "page.html"
    scripts = f"<script>{script}</script>{ANSWER}"
    page.write_text(source.replace("</body>", f"{scripts}</body>"), encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [str(CHROMIUM), *OPTIONS, scheme, profile, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(base64.b64decode(done.stdout.split("<pre>")[1].split("</pre>")[0]))
