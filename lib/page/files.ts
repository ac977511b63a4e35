/** The files that a drop brings, those in dropped folders too. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  // Entries are to be had only now, in the same task as the event.
  const items = [...transfer.items].filter(({ kind }) => kind === 'file')
  const found = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile())
  const files: File[] = []
  for (const entry of found) {
    if (entry instanceof File) files.push(entry)
    else if (entry) await collect(entry, files)
  }
  return files
}

async function collect(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    ).catch(() => undefined)
    if (file) files.push(file)
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    // A reader gives at most a hundred at a time, and none when there are no more.
    const entries = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    )
    if (entries.length === 0) return
    for (const inner of entries) await collect(inner, files)
  }
}

/** The web addresses in a text, one per line or wherever blanks are; the rest is given back as it is. */
export function urlsOf(text: string): { urls: string[]; rest: string[] } {
  const words = text.split(/\s+/).filter(Boolean)
  const isUrl = (word: string) => URL.canParse(word) && /^https?:$/.test(new URL(word).protocol)
  return { urls: words.filter(isUrl), rest: words.filter((word) => !isUrl(word)) }
}
