"""What is said in place of the messages of xarray and NumPy: where, what was found, and what to change."""
