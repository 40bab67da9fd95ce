"""The documented study, repeatable: points measured by workers, kept in a journal, reported."""
