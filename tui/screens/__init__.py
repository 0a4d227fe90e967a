"""Full screens and dialogs. Each returns what the person chose, and touches nothing else."""
