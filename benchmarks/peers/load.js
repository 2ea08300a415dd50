// Lets the benchmarks import a peer by name although it is installed in this folder and not in theirs.
export const load = (name) => import(name);
