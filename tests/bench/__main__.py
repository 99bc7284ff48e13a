"""`make bench`: every benchmark, one after the other."""

import sys

from tests.bench import bench_connector

if __name__ == "__main__":
    sys.exit(bench_connector.main())
