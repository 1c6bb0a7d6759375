"""What a performance comes to: dates, people, hours and money, from its log and nothing else."""
