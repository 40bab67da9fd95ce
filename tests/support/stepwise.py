"""A process that a signal ends after one of its steps in the file system."""

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
"""Code to begin a process with, whose second and third argument are the step and the signal."""
