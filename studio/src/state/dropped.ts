const isFolder = (entry: FileSystemEntry | null): entry is FileSystemDirectoryEntry =>
  entry?.isDirectory === true;

/** The files that were dropped, those in folders among them. */
export async function filesOf(dropped: DataTransfer): Promise<File[]> {
  // The browser forgets what was dropped as soon as the event is over.
  const folders = [...dropped.items].map(item => item.webkitGetAsEntry()).filter(isFolder);
  const files = [...dropped.files].filter(file => !folders.some(({ name }) => name === file.name));
  return [...files, ...(await Promise.all(folders.map(filesIn))).flat()];
}

/** The files of a folder and its folders, but hidden ones. */
async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const files: File[] = [];
  // It tells of a hundred at a time.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return files;
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      files.push(...(isFolder(entry) ? await filesIn(entry) : [await fileOf(entry)]));
    }
  }
}

function fileOf(entry: FileSystemEntry): Promise<File> {
  return new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
}
