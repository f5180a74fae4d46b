"""Models run with plans, patches or gradients, in batches."""
