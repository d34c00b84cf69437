"""The checks of both stages that try. Light to import: Dagster reads the names from here."""

CHECKS = (("every_trial_ended", "candidates of which a training failed", False),)
"""(name, description, blocking)"""
