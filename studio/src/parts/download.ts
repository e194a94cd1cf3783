/** Hands a file to the person. */
export function download(content: Blob | Uint8Array | string, name: string): void {
  const blob = content instanceof Blob ? content : new Blob([content as BlobPart]);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
