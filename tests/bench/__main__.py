"""`make bench`: the connector beside its floors, pricing beside django-oscar, deals alone, the catalog, and pages."""

import os
import secrets
import sys

from tests.bench import bench_catalog, bench_connector, bench_deals, bench_pages, bench_pricing

if __name__ == "__main__":
    failed = bench_connector.main([])
    os.environ.setdefault("DATABASE_URL", bench_connector.SERVER)
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(60))
    failed = failed or bench_pricing.main(["--oscar"])
    failed = failed or bench_deals.main([])
    failed = failed or bench_catalog.main([])
    sys.exit(failed or bench_pages.main([]))
