"""What the Python workers of the benchmarks do, and the loops that start such."""
