"""What can go wrong with the catalog, as a table: the three calls, the ingestions, their reports, the notices.

A mode of the calls turns the proper answer into what the caller gets instead, and says whether the call was taken in
before. How the others are done stands in `ingestions`, `reports`, `notices` and `topic`.
"""

from collections.abc import Mapping
from dataclasses import replace

from tests.sandbox.mode import (
    Charging,
    Mode,
    Options,
    Twist,
    delayed,
    dropped,
    empty_object,
    endless,
    held,
    not_json,
    refusing,
)
from tests.sandbox.wire import Reply, words_reply

CALLS = "catalog"
INGESTIONS = "ingestions"
LINKS = "links"
REPORTS = "reports"
NOTICES = "notices"
CATALOG_SIDES = frozenset({CALLS, INGESTIONS, LINKS, REPORTS, NOTICES})

UPLOAD, ARCHIVE, STATUS = "upload", "archive", "status"
NOTIFICATION, CONFIRMATION = "notification", "confirmation"
ALL_CALLS = (UPLOAD, ARCHIVE, STATUS)
INGESTING = (UPLOAD, ARCHIVE)
LINKING = (STATUS, NOTIFICATION)
BOTH = (NOTIFICATION, CONFIRMATION)

TOO_MANY = "Too Many Requests"
RETRY_RECOMMENDED = "Internal Server Error: retry recommended"
NO_RETRY = "Internal Server Error: no retry"
ELSEWHERE = "http://elsewhere.invalid/report.json"


def _saying(status: int, words: str) -> Twist:
    return lambda _reply, options: replace(words_reply(status, options.error or words), seconds=options.wait())


def _throttled(_reply: Reply, options: Options) -> Reply:
    headers = {} if options.retry_after is None else {"Retry-After": str(options.retry_after)}
    return words_reply(429, TOO_MANY, headers)


def _redirected(_reply: Reply, options: Options) -> Reply:
    return Reply(302, headers=(("Location", options.location or ELSEWHERE),))


def _of_another_shape(reply: Reply, _options: Options) -> Reply:
    return replace(reply, body=b'{"results": {"summary": "All rows were read", "rows": 3, "rejected": 1}}')


_unauthorized = refusing(401, "UnrecognizedClientException", "The security token in the request is invalid")
_forbidden = refusing(403, "AccessDeniedException", "User is not authorized to perform: execute-api:Invoke")
_refused = _saying(400, "Refused by the sandbox because a switch says so")
_retry = _saying(500, RETRY_RECOMMENDED)
_no_retry = _saying(500, NO_RETRY)
_unavailable = _saying(503, "Service Unavailable")
_gone = _saying(500, "Internal Server Error")


def _instead(name: str, title: str, explanation: str, twist: Twist, *takes: str) -> Mode:
    """A mode that answers without a look at what was sent."""
    return Mode(f"catalog_{name}", CALLS, title, explanation, takes, Charging.NEVER, twist, ALL_CALLS)


def _taken(name: str, title: str, explanation: str, twist: Twist, *takes: str) -> Mode:
    """A mode that does what the call asks for before it goes wrong."""
    return Mode(f"catalog_{name}", CALLS, title, explanation, takes, Charging.ONCE, twist, ALL_CALLS)


def _fate(name: str, title: str, explanation: str, *takes: str) -> Mode:
    return Mode(f"ingestion_{name}", INGESTIONS, title, explanation, takes, calls=INGESTING)


def _link(name: str, title: str, explanation: str, *takes: str) -> Mode:
    return Mode(f"link_{name}", LINKS, title, explanation, takes, calls=LINKING)


def _report(name: str, title: str, explanation: str, twist: Twist, *takes: str) -> Mode:
    return Mode(f"report_{name}", REPORTS, title, explanation, takes, twist=twist)


def _notice(name: str, title: str, explanation: str, *takes: str, calls: tuple[str, ...] = BOTH) -> Mode:
    return Mode(f"notice_{name}", NOTICES, title, explanation, takes, calls=calls)


CATALOG_MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        _taken("slow", "Slow", "Does it at once and answers properly, but late.", delayed, "seconds"),
        _instead("400", "400 Bad request", "Refuses the call, in words of your choice.", _refused, "error"),
        _instead("401", "401 Unauthorized", "Says it does not know the caller.", _unauthorized),
        _instead("403", "403 Forbidden", "Says the account may not do this.", _forbidden),
        _instead("429", "429 Too many requests", "Asks for patience (Retry-After).", _throttled, "retry_after"),
        _instead("500_retry", "500, retry recommended", "Stumbles and says that a retry helps.", _retry, "error"),
        _instead("500_no_retry", "500, no retry", "Stumbles and says that a retry won't help.", _no_retry, "error"),
        _instead("503", "503 Unavailable", "Amazon is closed for a moment.", _unavailable, "seconds"),
        _instead("drop", "Hang up", "Closes the line without an answer. Not taken in.", dropped, "seconds"),
        _instead("timeout", "Stay silent", "Holds the line without an answer. Not taken in.", held, "seconds"),
        _taken("lost_answer", "Take in, hang up", "Taken in, the answer lost.", dropped, "seconds"),
        _taken("lost_in_silence", "Take in, stay silent", "Taken in, then no answer comes.", held, "seconds"),
        _taken("taken_500", "Take in, then 500", "Taken in, yet answered by an error.", _gone, "error"),
        _taken("no_id", "No ingestion ID", "Taken in, but the answer is an empty object.", empty_object),
        _taken("not_json", "Not JSON", "Taken in, answered 200 with a web page.", not_json),
        _fate("fatal", "Ends FATAL", "The whole ingestion fails."),
        _fate("cancelled", "Ends CANCELLED", "The ingestion is stopped; nothing is taken over."),
        _fate("unknown_status", "Unknown status", "Stays at a status that no document names.", "word"),
        _fate("never_ends", "Never ends", "Stays INPROGRESS until you finish it here."),
        _fate("partly_failed", "Some items fail", "DONE, but a share of the items failed.", "failed_share"),
        _link("expired", "Link expired", "The link has run out before it is given."),
        _link("missing", "Link missing", "DONE, but without a link."),
        _link("elsewhere", "Link elsewhere", "The link points to another host.", "location"),
        _report("not_json", "Report not JSON", "The report is a web page.", not_json),
        _report("other_shape", "Report of another shape", "JSON, but nothing like the report.", _of_another_shape),
        _report("huge", "Endless report", "The report never ends.", endless),
        _report("slow", "Slow report", "The report comes late.", delayed, "seconds"),
        _report("redirect", "Report moved", "302 to another host; don't follow.", _redirected, "location"),
        _notice("late", "Late", "Comes after a while.", "seconds"),
        _notice("twice", "Twice", "The same message comes twice."),
        _notice("many", "Many times", "The same message comes twenty times.", "copies"),
        _notice("none", "Never comes", "Nothing is sent; only asking tells."),
        _notice("out_of_order", "Out of order", "INPROGRESS comes after DONE.", calls=(NOTIFICATION,)),
        _notice("orphan", "Somebody else's too", "A notice of an unknown ingestion as well.", calls=(NOTIFICATION,)),
        _notice("malformed", "Cut in half", "The message is no JSON."),
        _notice("unsigned", "Not signed", "Without signature and certificate."),
        _notice("forged", "Forged signature", "Signed with a key that is not Amazon's."),
        _notice("foreign_certificate", "Foreign certificate", "Signed rightly, the certificate on another host."),
        _notice("other_topic", "Other topic", "Signed, but of a topic that is not yours."),
        _notice(
            "subscribe_elsewhere", "SubscribeURL elsewhere", "Confirm at another host; don't.", calls=(CONFIRMATION,)
        ),
    )
}
