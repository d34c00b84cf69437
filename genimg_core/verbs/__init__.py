"""The commands for people: each module has `add_arguments(parser)` and `main(arguments) -> exit code`."""
