"""Tests of the benchmarks' own machinery: what could make a figure wrong."""
