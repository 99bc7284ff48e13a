"""How often Python looks for garbage that reference counts do not free: seldom, in processes that serve requests.

A cart with a thousand promotions makes ten thousand objects and leaves no cycles behind. By Python's own threshold of
700 it would be looked through some fifteen times, and now and then all that was ever loaded with it.
"""

import gc

NEW_OBJECTS = 10_000
"""So many more containers made than freed set off a look; some megabytes at most wait for it."""


def collect_seldom() -> None:
    """For a process that has loaded what it serves with: that is left out of all further looks."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 10, 10)
