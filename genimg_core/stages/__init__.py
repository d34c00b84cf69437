"""One file per stage of dvc.yaml. A stage is a function from paths to paths."""
