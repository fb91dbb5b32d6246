"""Python imports this file as it starts, if its folder is in PYTHONPATH: it notes which process imports slow modules.

A line of $SAWT_IMPORTS for each: process, module, command line. Processes that are forked afterwards import nothing.
"""

import importlib.abc
import os
import sys

WATCHED = {"torch", "torch._dynamo", "sympy", "transformers"}


class Watch(importlib.abc.MetaPathFinder):
    """Finds nothing; the finders after it do."""

    def find_spec(self, name, path=None, target=None):
        if name in WATCHED:
            with open("/proc/self/cmdline", "rb") as f:
                words = f.read().decode(errors="replace").split("\0")
            row = "\t".join((str(os.getpid()), name, " ".join(words)))
            log = os.open(os.environ["SAWT_IMPORTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(log, f"{row}\n".encode())
            os.close(log)
        return None


sys.meta_path.insert(0, Watch())
