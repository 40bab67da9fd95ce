"""A process that kills itself with a signal after one of its file system operations."""

ENDING = """
import os, signal, sys
from pathlib import Path

count = 0
def counted(function):
    def call(*arguments, **named):
        global count
        result = function(*arguments, **named)
        count += 1
        if count == int(sys.argv[2]):
            os.kill(os.getpid(), int(sys.argv[3]))
        return result
    return call

for name in ("rename", "replace", "unlink", "rmdir", "mkdir"):
    setattr(os, name, counted(getattr(os, name)))
"""
"""Code to run first; its second and third arguments are the operation and the signal."""
