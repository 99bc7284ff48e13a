"""The first carts after a start, all at once: each try is a process of its own, for only its first moment counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.orders.carts import body, cart

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST_CARTS_AT_ONCE = """
import sys, threading
import msgspec
from orders import contract

document = contract.to_document(sys.argv[1])
start = threading.Barrier(16)
read = []

def take_in():
    start.wait()
    read.append(msgspec.convert(document, contract.Cart))

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=take_in) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(read))
"""


@pytest.mark.parametrize("attempt", range(10))
def test_many_first_carts_at_once_do_not_end_the_process(attempt: int) -> None:
    """Without the types taken in at the start about every second such process ends by a segmentation fault."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(attempt)}
    ended = subprocess.run(
        [sys.executable, "-c", FIRST_CARTS_AT_ONCE, body(cart()).decode()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "16\n"), ended.stderr
