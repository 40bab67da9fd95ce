"""The results of a run for people and programs: text, Markdown, HTML, JUnit, JSON."""
