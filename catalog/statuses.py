"""The states of what Amazon knows of our catalog: what staff read, and which moves there are."""

from django.db import models


class ItemState(models.TextChoices):
    """A product in one store, seen from Amazon's catalog."""

    CHANGED = "CHANGED", "To be uploaded"
    UPLOADING = "UPLOADING", "On its way to Amazon"
    LIVE = "LIVE", "At Amazon"
    REFUSED = "REFUSED", "Refused by Amazon"
    ARCHIVED = "ARCHIVED", "Archived"
    BLOCKED = "BLOCKED", "Kept back: mend it first"


class UploadKind(models.TextChoices):
    UPLOAD = "UPLOAD", "Upload"
    ARCHIVE = "ARCHIVE", "Archive"


class UploadStatus(models.TextChoices):
    WAITING = "WAITING", "Waiting to be sent"
    FOLLOWED = "FOLLOWED", "Amazon is working on it"
    REPORTING = "REPORTING", "Amazon is done; its report is fetched"
    FINISHED = "FINISHED", "Finished"
    UNREAD = "UNREAD", "Finished, but its report is not read"
    FAILED = "FAILED", "Failed at Amazon"
    PARKED = "PARKED", "Stopped: a person must look"
    WITHDRAWN = "WITHDRAWN", "Given up"


UPLOAD_MOVES: dict[UploadStatus, frozenset[UploadStatus]] = {
    UploadStatus.WAITING: frozenset({UploadStatus.FOLLOWED, UploadStatus.PARKED, UploadStatus.WITHDRAWN}),
    UploadStatus.FOLLOWED: frozenset(
        {UploadStatus.REPORTING, UploadStatus.FAILED, UploadStatus.PARKED, UploadStatus.WITHDRAWN}
    ),
    UploadStatus.REPORTING: frozenset(
        {UploadStatus.FINISHED, UploadStatus.UNREAD, UploadStatus.FAILED, UploadStatus.PARKED, UploadStatus.WITHDRAWN}
    ),
    UploadStatus.UNREAD: frozenset({UploadStatus.REPORTING, UploadStatus.FINISHED, UploadStatus.WITHDRAWN}),
    UploadStatus.PARKED: frozenset(
        {UploadStatus.FOLLOWED, UploadStatus.REPORTING, UploadStatus.FAILED, UploadStatus.WITHDRAWN}
    ),
    UploadStatus.FINISHED: frozenset(),
    UploadStatus.FAILED: frozenset(),
    UploadStatus.WITHDRAWN: frozenset(),
}
"""An ingestion that has ended at Amazon never goes back to being worked on."""

OWED = (UploadStatus.WAITING, UploadStatus.FOLLOWED, UploadStatus.REPORTING)
"""Something is still to be done by itself, at the upload's `due_at`."""

AMAZON_ENDED = frozenset({"DONE", "CANCELLED", "FATAL"})
"""Amazon's own words for the state of an ingestion (page get_catalog_upload_status). Any other is kept and followed."""

AMAZON_WORDS = {
    "INQUEUE": "waiting in its queue",
    "INPROGRESS": "at work on it",
    "DONE": "done",
    "CANCELLED": "cancelled",
    "FATAL": "failed as a whole",
}


def amazons_word(word: str) -> str:
    """Amazon's word for the state of an ingestion as people read it; one that we do not know as Amazon wrote it."""
    return AMAZON_WORDS.get(word, f"“{word}”") if word else "nothing yet"


class Outcome(models.TextChoices):
    """What Amazon's report says of one item of an upload."""

    TAKEN = "TAKEN", "Taken"
    REFUSED = "REFUSED", "Refused"


class CallKind(models.TextChoices):
    SEND = "SEND", "Sent to Amazon"
    STATUS = "STATUS", "Asked how far it is"
    REPORT = "REPORT", "Fetched the report"


class MessageState(models.TextChoices):
    RECEIVED = "RECEIVED", "Received"
    HANDLED = "HANDLED", "Worked"
    ORPHAN = "ORPHAN", "Of an upload that we do not know"
    REFUSED = "REFUSED", "Refused: not from Amazon"
    SET_ASIDE = "SET_ASIDE", "Set aside: could not be worked"
