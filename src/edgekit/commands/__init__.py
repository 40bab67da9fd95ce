"""One file a command: its options, its call into the library, what it prints."""
