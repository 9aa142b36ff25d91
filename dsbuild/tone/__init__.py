"""How TONE's data files are made: from WordNet, Plutchik's wheel, VADER and real dialogues, and checked by people."""
