"""Windows on what shoppers took and what Amazon charged, and what staff can do about it."""

from orders.admin import purchases, refused

__all__ = ["purchases", "refused"]
