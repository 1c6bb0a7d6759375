"""What a run comes to: dates, people, hours and money, from its log and nothing else."""
