"""Exporters of a run's results: text, Markdown, HTML, JUnit, JSON."""
