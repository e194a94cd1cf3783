/** Seconds a seed, of those that are found now: the first batch loads the graphs, and where there are several is left out. */
export function startClock(): { count(seeds: number): void; perSeed(): number | undefined } {
  const batches = [{ seeds: 0, at: performance.now() }];
  return {
    count: seeds => void batches.push({ seeds, at: performance.now() }),
    perSeed() {
      const [from, ...timed] = batches.length > 2 ? batches.slice(1) : batches;
      const seeds = timed.reduce((sum, batch) => sum + batch.seeds, 0);
      return seeds > 0 ? (timed.at(-1)!.at - from!.at) / 1000 / seeds : undefined;
    },
  };
}
