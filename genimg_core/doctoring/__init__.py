"""`genimg doctor`: one question to a set-up per function, each answered with findings and their cures."""
