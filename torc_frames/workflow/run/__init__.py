"""Running jobs on this machine, and functions over tables."""
