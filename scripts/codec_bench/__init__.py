"""What scripts/bench_codecs.py measures with."""
