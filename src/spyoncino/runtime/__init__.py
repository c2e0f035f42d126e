"""Processes and shared memory: frame ring, capture, job queue, worker pool and its tasks."""
