"""What scripts/bench_codecs.py and scripts/bench_moshi.py measure with."""
