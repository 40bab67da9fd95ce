"""``edgekit bench --layers``: where the time of models goes, layer by layer."""

from edgekit import digests, files
from edgekit.commands import bench_run, running, terminal
from edgekit.commands.bench_options import Options


def run(chosen: Options) -> None:
    """Measure the layers of the models, print them, and write the files that are named.

    Raises:
        ModelFileError: there is no model.
        BackendError: edgekit's own engine is not there.
        ModelError: a file is not one that bench measures, or the engine runs none of them.
    """
    from edgekit.benchmarks import layers
    from edgekit.benchmarks.report import layer_formats
    from edgekit.convert.macs import macs

    models = bench_run.models_of(chosen)
    running.warn_of_others(*models.values())
    with bench_run.progress(1 + len(models)) as say:
        effort = layers.QUICK if chosen.quick else layers.THOROUGH
        results = layers.run(models, macs, effort=effort, say=say)
    if chosen.html:
        files.write_text(chosen.html, layer_formats.as_html(results))
    if chosen.markdown:
        files.write_text(chosen.markdown, layer_formats.as_markdown(results))
    written = [path for path in (chosen.html, chosen.markdown) if path]
    if written:
        digests.record(chosen.artifacts, *written)
    if chosen.as_json:
        terminal.page(layer_formats.dumps(results, samples=chosen.samples).rstrip("\n"))
        return
    report = f"\n\nreport: {chosen.html.resolve().as_uri()}" if chosen.html else ""
    terminal.page(layer_formats.text(results), report)
