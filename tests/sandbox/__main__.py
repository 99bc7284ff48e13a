"""`python -m tests.sandbox serve` plays Amazon; `python -m tests.sandbox shop` fills it with shoppers."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from tests.sandbox.catalog_side import INGESTION_SECONDS, Elsewhere
from tests.sandbox.demo import STORE_FILE, Addresses, run_demo
from tests.sandbox.journal import JournalError
from tests.sandbox.server import Sandbox, Settings, SettingsError, secrets_from
from tests.sandbox.shelves import StoreFileError
from tests.sandbox.shop import Shop, ShopError, run_shop

Command = Callable[[argparse.Namespace], int]
DEFAULT_SANDBOX = "http://127.0.0.1:8001"


def serve(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    secret, credentials = secrets_from()
    settings = Settings(
        product_url=arguments.product,
        store_file=arguments.store_file,
        connector_secret=secret,
        credentials=credentials,
        caller_arn=arguments.caller_arn,
        state=arguments.state,
        host=arguments.host,
        port=arguments.port,
        public_url=arguments.public_url.rstrip("/"),
        ingestion_seconds=arguments.ingestion_seconds,
        elsewhere=Elsewhere(
            topic_arn=arguments.publish_to,
            sns_endpoint=arguments.sns_endpoint,
            bucket=arguments.reports_to.removeprefix("s3://").rstrip("/"),
            s3_endpoint=arguments.s3_endpoint,
        ),
    )
    sandbox = Sandbox(settings)
    signal.signal(signal.SIGTERM, _interrupt)
    print(f"Amazon's side is at {sandbox.url}, for the product at {settings.product_url}", flush=True)
    print(f"The queue is {sandbox.catalog.door.queue_url}, its topic {sandbox.catalog.topic.topic_arn}", flush=True)
    try:
        sandbox.serve()
    except KeyboardInterrupt:
        pass
    finally:
        sandbox.close()
    return 0


def shop(arguments: argparse.Namespace) -> int:
    """Send carts by the thousand and tell what became of them."""
    return run_shop(
        Shop(
            sandbox_url=arguments.sandbox,
            trips=arguments.trips,
            rate=arguments.rate,
            threads=arguments.threads,
            empty_share=arguments.empty_share,
            seed=arguments.seed,
            retries=arguments.retries,
            timeout=arguments.timeout,
        ),
        as_json=arguments.json,
    )


def demo(arguments: argparse.Namespace) -> int:
    """Run the product, its demo store and this stand-in until Ctrl-C."""
    return run_demo(Addresses(arguments.port, arguments.sandbox_port), arguments.data_dir)


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; what is wrong from outside ends with one clear line and status 2."""
    arguments = _parser().parse_args(words)
    command: Command = arguments.command
    try:
        return command(arguments)
    except (SettingsError, StoreFileError, JournalError, ShopError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description="The stand-in for Amazon.")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_serve(commands.add_parser("serve", help="play Amazon: gates, Checkout Service, control API, page"))
    _add_shop(commands.add_parser("shop", help="send carts by the thousand and tell what became of them"))
    _add_demo(commands.add_parser("demo", help="run the product with a demo store and this stand-in (make run)"))
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=serve)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8001, help="port to listen on, 0 for any free one (%(default)s)")
    parser.add_argument("--product", default="http://127.0.0.1:8000", help="where the product is (%(default)s)")
    parser.add_argument("--caller-arn", default="", help="sent as X-Caller-Arn, as the gateway would")
    parser.add_argument(
        "--store-file", type=Path, default=STORE_FILE, help="the stores, their products and shelf prices"
    )
    parser.add_argument("--state", type=Path, help="remember trips, orders and the catalog in this file")
    parser.add_argument("--public-url", default="", help="how others reach it, if not by the address it listens on")
    parser.add_argument(
        "--ingestion-seconds", type=_seconds, default=INGESTION_SECONDS, help="how long an upload takes (%(default)s)"
    )
    parser.add_argument("--publish-to", default="", metavar="TOPIC_ARN", help="send notices to a topic elsewhere")
    parser.add_argument("--sns-endpoint", default="", metavar="URL", help="where that topic is, if not at Amazon")
    parser.add_argument("--reports-to", default="", metavar="s3://BUCKET", help="put reports into a bucket elsewhere")
    parser.add_argument("--s3-endpoint", default="", metavar="URL", help="where that bucket is, if not at Amazon")


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=demo)
    parser.add_argument("--port", type=int, default=8000, help="the product's port (%(default)s)")
    parser.add_argument("--sandbox-port", type=int, default=8001, help="the stand-in's port (%(default)s)")
    parser.add_argument("--data-dir", type=Path, default=Path("var/demo"), help="where it keeps things (%(default)s)")


def _add_shop(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=shop)
    parser.add_argument("--trips", type=_at_least(1), default=100, help="how many carts (%(default)s)")
    parser.add_argument("--rate", type=_rate, default=0.0, help="carts a second, 0 for as fast as possible (0)")
    parser.add_argument("--sandbox", default=DEFAULT_SANDBOX, help="where the sandbox is (%(default)s)")
    parser.add_argument("--threads", type=_at_least(1), default=16, help="how many gates send at once (%(default)s)")
    parser.add_argument("--empty-share", type=_share, default=0.02, help="share of empty carts (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed fills the same baskets (%(default)s)")
    parser.add_argument(
        "--retries", type=_at_least(0), default=3, help="how often to send again when no answer or 5xx comes"
    )
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds to wait for the last order (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return number


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86_400:
        raise argparse.ArgumentTypeError("must be between 0 and 86400")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
