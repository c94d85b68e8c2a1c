"""How fast torc_frames is, as ratios to floors and peers measured in the same run."""
