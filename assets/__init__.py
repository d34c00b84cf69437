"""WHAT: one thin Dagster asset per DVC stage."""
