"""Barcodes as text: which codes mean the same product. Plain Python.

Scanned and stored codes meet on a lookup key: the 14-digit GTIN (padded with zeros on the left) of a barcode, or the
digits of a PLU as they stand. Source: the pricing rules, section 2.
"""

import uuid

GTIN_DIGITS = 14
PLU_DIGITS = range(3, 7)
UPC_E_DIGITS = 8


def new_id() -> uuid.UUID:
    return uuid.uuid4()


def gtin(digits: str) -> str:
    """The 14-digit form: `012345678905` as `00012345678905`."""
    return digits.zfill(GTIN_DIGITS)


def expand_upc_e(code: str) -> str | None:
    """The 12-digit UPC-A of an 8-digit UPC-E, or None when the code is no UPC-E (number system other than 0 or 1).

    Source: GS1 General Specifications, zero-suppression of UPC-E. `07838604` is `078000003864`.
    """
    if len(code) != UPC_E_DIGITS or not is_digits(code) or code[0] not in "01":
        return None
    system, body, last, check = code[0], code[1:6], code[6], code[7]
    match last:
        case "0" | "1" | "2":
            expanded = body[:2] + last + "0000" + body[2:]
        case "3":
            expanded = body[:3] + "00000" + body[3:]
        case "4":
            expanded = body[:4] + "00000" + body[4:]
        case _:
            expanded = body + "0000" + last
    return system + expanded + check


def is_digits(code: str) -> bool:
    return code.isascii() and code.isdigit()


def stored_key(code: str, barcode_type: str) -> str:
    """Under which key a product's barcode is found; its stored type says how to read eight digits."""
    if not is_digits(code) or barcode_type == "PLU":
        return code
    if barcode_type == "UPC":
        return gtin(expand_upc_e(code) or code)
    return gtin(code)


def scan_keys(code: str) -> tuple[str, ...]:
    """Every key that a scanned code may stand under: eight digits may be an EAN-8 or a UPC-E."""
    if not is_digits(code):
        return (code,)
    keys = [code] if len(code) in PLU_DIGITS else []
    keys.append(gtin(code))
    expanded = expand_upc_e(code)
    if expanded:
        keys.append(gtin(expanded))
    return tuple(keys)
