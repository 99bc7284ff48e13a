"""A process that serves looks for garbage seldom; tried in a process of its own, for it holds for all of one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

SERVE = """
import gc
import jwo_store.wsgi
looks = []
gc.callbacks.append(lambda phase, _info: looks.append(phase))
made = [[] for _ in range(5_000)]
print(gc.get_freeze_count() > 50_000, looks)
"""


def test_a_process_that_serves_leaves_what_it_has_loaded_out_and_looks_seldom(tmp_path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    ended = subprocess.run(
        [sys.executable, "-c", SERVE],
        cwd=ROOT,
        env={**own, "JWO_ENVIRONMENT": "sandbox", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.split("\n")[-2] == "True []", ended.stdout
