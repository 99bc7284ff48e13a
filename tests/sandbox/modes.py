"""Everything that can go wrong on request, by the name of its mode."""

from collections.abc import Mapping

from tests.sandbox.catalog_modes import CATALOG_MODES
from tests.sandbox.checkout_modes import CHECKOUT_MODES
from tests.sandbox.mode import Mode

MODES: Mapping[str, Mode] = {**CHECKOUT_MODES, **CATALOG_MODES}
