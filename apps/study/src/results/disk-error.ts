const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left",
  EDQUOT: "the quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "writing is not allowed",
  EPERM: "writing is not allowed",
  EEXIST: "something else is there",
  ENOTDIR: "a part of the path is no folder",
};

/** Runs what writes, and says in one line what a system's error means. */
export function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const words = code === undefined ? undefined : WORDS[code];
    throw new Error(`cannot write ${path}: ${words === undefined ? message : `${words} (${code})`}`, { cause: error });
  }
}
