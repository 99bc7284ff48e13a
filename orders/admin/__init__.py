"""Windows on what shoppers took and what Amazon charged, and what staff can do about it."""

from orders.admin import backtests, exports, finding, purchases, refused, today

__all__ = ["backtests", "exports", "finding", "purchases", "refused", "today"]
