"""NumPy on traced arrays: the duck array inside the labeled ones, and every NumPy function that it answers."""
