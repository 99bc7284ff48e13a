"""How people get in: the password, tries that are counted, one-time codes, and how long they stay.

Nobody counts as signed in before the last step is done: until then the session only remembers whose password was right
(`pending`), so that no page has to ask whether a step is missing. An app of its own, with its own rows.
"""
