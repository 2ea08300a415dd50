interface PeerFolder {
  load(name: string): Promise<unknown>;
}

/** The peers have a workspace of their own beside this package; `load.js` there resolves their names. */
const folder = new URL("../../peers/load.js", import.meta.url).href;

/** The words that mark a peer that is absent rather than failing. */
export const NOT_INSTALLED = "not installed";

/** Imports a peer; an absent one is an error that starts with "not installed". */
export async function loadPeer<T>(name: string): Promise<T> {
  const { load } = (await import(folder)) as PeerFolder;
  try {
    return (await load(name)) as T;
  } catch (error) {
    if (isAbsent(error, name)) throw new Error(`${NOT_INSTALLED}: ${name} (pnpm peers:install)`, { cause: error });
    throw error;
  }
}

function isAbsent(error: unknown, name: string): boolean {
  return (
    error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(name)
  );
}
