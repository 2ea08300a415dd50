/** The TypeScript blocks of a Markdown page. A block with more than `ts` on its fence (`ts fragment`) is not run. */
export function examplesOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\r?\n(?<code>[\s\S]*?)^```/gm)].map((match) => match.groups!["code"]!);
}
