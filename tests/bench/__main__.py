"""`make bench`: the connector beside its floors, then pricing by the number of promotions, beside django-oscar."""

import os
import secrets
import sys

from tests.bench import bench_connector, bench_pricing

if __name__ == "__main__":
    failed = bench_connector.main([])
    os.environ.setdefault("DATABASE_URL", bench_connector.SERVER)
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(60))
    sys.exit(failed or bench_pricing.main(["--oscar"]))
