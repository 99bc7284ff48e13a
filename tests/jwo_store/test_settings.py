import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
VARIABLES = re.findall(r"^#? ?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
SHOWN = """
import json
from jwo_store import settings
own = {name: value for name, value in vars(settings).items() if name.isupper()}
print(json.dumps(own, default=lambda value: type(value).__name__))
"""


def settings_of(**environment: str) -> Any:
    """The settings of a process that knows these variables of ours alone."""
    others = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    told = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=ROOT, env={**others, **environment}, capture_output=True, check=True
    )
    return json.loads(told.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path)


def test_an_empty_variable_counts_as_not_set(folder: str) -> None:
    empty = dict.fromkeys(VARIABLES, "") | {"DATA_DIR": folder}
    assert len(empty) > 30
    assert settings_of(**empty) == settings_of(DATA_DIR=folder)
    assert settings_of(**empty)["CELERY_BROKER_URL"] == "memory://"
