"""What is to be done: the project written down as units that follow routes over pools and gates."""
