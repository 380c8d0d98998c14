"""xarray methods that leave NumPy behind, as traced arrays have them; `hooks` is the one table that puts them in."""
