"""What a browser says of itself, in words for people: `Chrome on Windows`."""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung's browser"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
"""The first that is named is it: later ones are named by others, too, for the sake of old pages."""

MACHINES = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "a Mac"),
    ("CrOS", "a Chromebook"),
    ("Linux", "Linux"),
)


def browser_in_words(user_agent: str) -> str:
    """Whatever can be told of it; nothing of what is not known."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "")
    machine = next((name for sign, name in MACHINES if sign in user_agent), "")
    if not (browser or machine):
        return "Another program" if user_agent else ""
    return " on ".join(part for part in (browser or "A browser", machine) if part)
