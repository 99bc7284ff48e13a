"""Usual reasons, which the forms offer by a click."""

FOR_PRICES = ("The supplier's price changed", "A competitor's price", "To clear the shelf", "A mistake is mended")
FOR_PROMOTIONS = ("Planned campaign", "Agreed with the maker", "To clear the shelf", "A mistake is mended")
FOR_FEES = ("The law changed", "The supplier's deposit changed", "A mistake is mended")
FOR_TAXES = ("The law changed", "As the tax adviser said", "A mistake is mended")
FOR_ENDS = ("Sold out", "Replaced by another", "Ended as planned", "A mistake is mended")
FOR_STOPS = ("The price at the till is wrong", "Sold out", "Shoppers abuse it")
FOR_UNDOING_STOPS = ("Stopped by mistake", "It is in stock again", "The mistake is mended")
FOR_DRAFTS = ("It starts later", "Its terms change", "Not now")
