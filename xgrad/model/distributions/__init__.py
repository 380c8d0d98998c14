"""Distributions over labeled arrays: densities as labeled expressions, draws by key, supports and their bijections."""
