"""FTL cells: weight-tunable threshold gates that are flip-flops, in place of logic cones and their registers."""
