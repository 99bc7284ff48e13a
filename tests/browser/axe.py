"""axe-core, the accessibility checker, fetched from npm's registry once: `python -m tests.browser.axe`.

It is pinned by its hash and is not committed. A registry of one's own is named, as for npm, by `npm_config_registry`.
"""

import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from pathlib import Path

VERSION = "4.14.1"
SHA512 = (
    "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
    "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
)
FILE = Path(__file__).resolve().parent.parent.parent / ".venv" / "axe.min.js"
REGISTRY = "https://registry.npmjs.org"
TIMEOUT = 60.0


def fetch() -> str:
    """The script. Raises OSError when the registry cannot be reached, ValueError when it sends something else."""
    registry = os.environ.get("npm_config_registry", REGISTRY)  # noqa: SIM112  npm writes it so
    url = f"{registry.rstrip('/')}/axe-core/-/axe-core-{VERSION}.tgz"
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  the address is ours
        packed = answer.read()
    if hashlib.sha512(packed).hexdigest() != SHA512:
        raise ValueError(f"{url} is not the axe-core that this project was tried with")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def main() -> int:
    try:
        FILE.write_text(fetch())
    except (OSError, ValueError) as error:
        print(f"axe-core could not be fetched: {error}. Reach npm's registry and try again.", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
