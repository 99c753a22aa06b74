/** The parts of a tensor's name: `model.layers.0.mlp.up_proj.weight` has six. */
function partsOf(name: string): string[] {
  return name.toLowerCase().split('.');
}

/** Known names that share the most parts with `name`, those of the same place first; none where nothing is shared. */
export function nearNames(name: string, known: readonly string[], most = 3): string[] {
  const wanted = partsOf(name);
  const score = (candidate: string): number => {
    const parts = partsOf(candidate);
    const shared = wanted.filter((part) => parts.includes(part)).length;
    const inPlace = wanted.filter((part, i) => parts[i] === part).length;
    return 2 * shared + inPlace;
  };
  return known
    .map((candidate) => ({ candidate, points: score(candidate) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, most)
    .map(({ candidate }) => candidate);
}
