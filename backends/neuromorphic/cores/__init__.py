"""Third-party cores: program, exact arithmetic as a golden model, limits and configuration files of each."""
