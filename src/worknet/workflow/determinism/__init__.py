"""Whether a workflow gives the same result everywhere: by its text, by what it does while it runs, and by
many runs in other surroundings. `check` is the whole; nothing here is part of a run that is voted on."""
