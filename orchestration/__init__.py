"""WHEN: the one Definitions object, jobs, schedules, sensors."""
