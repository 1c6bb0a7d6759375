"""Who does it when: SimPy processes that perform a plan by the rules of the engine, and nothing else."""
