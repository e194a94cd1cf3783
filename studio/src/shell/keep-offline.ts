/** Has the browser keep the studio's files, so that it opens without a network from now on; not where data are to be saved. */
export async function keepOffline(): Promise<void> {
  const { connection } = navigator as { connection?: { readonly saveData: boolean } };
  if (!import.meta.env.PROD || !('serviceWorker' in navigator) || connection?.saveData) return;
  // Without it the studio works all the same, with a network.
  await navigator.serviceWorker.register('./offline.js', { updateViaCache: 'none' }).catch(() => {});
}
