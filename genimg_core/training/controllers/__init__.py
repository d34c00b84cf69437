"""Controllers: each reads the lines of a run's log, turns one thing, and says why (see `adapt` in params.yaml)."""
