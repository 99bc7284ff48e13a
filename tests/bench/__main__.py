"""`make bench`: the connector beside its floors, then pricing by the number of promotions, beside django-oscar."""

import os
import sys

from tests.bench import bench_connector, bench_pricing

if __name__ == "__main__":
    failed = bench_connector.main([])
    os.environ.setdefault("DATABASE_URL", bench_connector.SERVER)
    sys.exit(failed or bench_pricing.main(["--oscar"]))
