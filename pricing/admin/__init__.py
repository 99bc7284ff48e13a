"""Prices, promotions, taxes and fees, one module for each job; and what pricing adds to pages of the catalog."""

from pricing.admin import changes, finding, histories, prices, promotions, proposals, selling, taxes, today

__all__ = ["changes", "finding", "histories", "prices", "promotions", "proposals", "selling", "taxes", "today"]
