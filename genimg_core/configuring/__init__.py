"""`genimg configure`: look at images, measure the machine, propose settings, write params.yaml."""
