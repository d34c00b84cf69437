"""Every claim of speed or quality has a script here that measures it, and a file under results/."""
