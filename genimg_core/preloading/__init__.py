"""Under `genimg run` stages begin with the libraries loaded: torch and Great Expectations take seconds to import.

A process of its own imports them once (server), while the first stage runs, and forks for each later stage (client).
The command that dvc started waits for it, and passes signals and the exit code on. What a stage computes is the same.
Where there is no such process (`dvc repro`, Dagster, one that is not ready or has died), the command does the work.
"""
